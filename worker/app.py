"""The Celery application: `celery --app worker.app worker --pool solo`, `… beat`.

Celery only sends wake-ups. PostgreSQL records what is due and which worker has it, so a task that
is lost, late or duplicated does no harm. The engine runs alongside Celery, in a thread of the same
process, not in a task or a child: Celery ends those when it loses the broker, and checks must go
on.

The settings are nevertheless those that Celery's documentation recommends for tasks on Redis that
must not be lost, so that tasks added here can rely on them.
"""

import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from celery import Celery, bootsteps
from celery.signals import after_task_publish, beat_init, setup_logging, worker_shutting_down

from app import logs
from app.metrics.definitions import WAKE_UPS
from app.settings import load_settings
from worker import backups, health
from worker.metrics_server import serve_metrics
from worker.repeats import Repeats

if TYPE_CHECKING:
    from worker.engine import EngineThread

log = logging.getLogger(__name__)

# Seconds after which an unacknowledged task is delivered to another worker. The same for broker and
# results, because the shortest value of all users of a Redis applies; and far longer than our
# tasks, which only wake the engine, or they would run twice.
VISIBILITY_TIMEOUT = 600
# Seconds for checks and deliveries in progress when a worker is stopped; with what the engine
# and Celery need after that it fits in stop_grace_period (compose/07.yml).
DRAIN_SECONDS = 15
# Seconds for Celery after that. It may be waiting for a broker that does not answer, and nothing
# important is left to do.
CELERY_SECONDS = 3

# At a location, a worker finds its checks itself: it needs PostgreSQL but no Redis, and must not
# take wake-ups meant for other workers.
_settings = load_settings()
app = Celery("stagewatch", broker="memory://" if _settings.location else _settings.redis_url)
app.conf.update(
    # Acknowledged when done, not when taken: a worker that is killed leaves the task to others.
    task_acks_late=True,
    # Also if only a child process is killed, where there are children.
    task_reject_on_worker_lost=True,
    # One task at a time per process: waiting tasks stay in Redis for the next free worker.
    worker_prefetch_multiplier=1,
    # One process and one thread, which waits for the broker while the engine works.
    worker_pool="solo",
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT,
        # Redis serves the client that has waited longest. If workers polled every second, the
        # default, they would be in step with beat, and one of them would get all wake-ups.
        "polling_interval": 5,
        # Without these a worker waits forever for a connection that died silently.
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    result_backend_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    # A task whose connection is lost can't be acknowledged any more, so it is redelivered.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    # Retry forever: a worker that gives up on Redis makes its container restart in a loop.
    broker_connection_max_retries=None,
    # The same while Redis answers but refuses to write, because its memory or disk is full.
    # Otherwise Celery ends, and the engine with it, again after every restart.
    broker_channel_error_retry=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_schedule={
        # A wake-up that no worker took in time is useless later: the next one is already there.
        "check": {"task": "check", "schedule": 1.0, "options": {"expires": 5}},
        "deliver": {"task": "deliver", "schedule": 5.0, "options": {"expires": 10}},
        "maintain_partitions": {
            "task": "maintain_partitions",
            "schedule": 3600.0,
            "options": {"expires": 600},
        },
    },
)


class _Process:
    engine: "EngineThread | None" = None


def engine() -> "EngineThread":
    """Return this process's engine. Raises RuntimeError outside a worker."""
    if _Process.engine is None:
        raise RuntimeError("tasks run in a worker only")
    return _Process.engine


@app.task(name="check")
def check() -> None:
    """Look for due checks at once."""
    engine().tell(lambda engine: engine.wake())


@app.task(name="deliver")
def deliver() -> None:
    """Look for due notifications at once."""
    engine().tell(lambda engine: engine.wake_delivery())


@app.task(name="maintain_partitions")
def maintain_partitions() -> None:
    """Maintain partitions and retention at once."""
    engine().tell(lambda engine: engine.wake_upkeep())


class EngineStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts the engine with the worker, before Celery connects to the broker."""

    requires = ("celery.worker.components:Pool",)

    def start(self, _worker: Any) -> None:
        # Imported here because beat has no engine, and what it loads for the database and for
        # checks takes 18 MB of memory.
        from worker.engine import EngineThread

        # A worker at a location delivers nothing, so it needs no key.
        settings = load_settings(seals=not _settings.location)
        serve_metrics(settings.listen, settings.metrics_port)
        _Process.engine = EngineThread(settings, health_name="worker")

    def stop(self, _worker: Any) -> None:
        if _Process.engine is not None:
            _Process.engine.close(DRAIN_SECONDS)

    terminate = stop


app.steps["worker"].add(EngineStep)


@worker_shutting_down.connect
def _begin_to_stop(exitcode: int, **_: Any) -> None:
    """Start draining as soon as the signal arrives, even if Celery is waiting for something."""
    if _Process.engine is not None:
        _Process.engine.begin_close(DRAIN_SECONDS)
        threading.Thread(target=_end, args=(_Process.engine, exitcode), daemon=True).start()


def _end(engine: "EngineThread", exitcode: int) -> None:
    engine.close(DRAIN_SECONDS)
    time.sleep(CELERY_SECONDS)
    # Neither an unresponsive broker nor a hanging thread in a library may use up the grace
    # period: everything important is stored.
    log.warning("stopped without waiting for the broker or hanging threads")
    logging.shutdown()
    os._exit(exitcode)


@beat_init.connect
def _watch_beat(**_: Any) -> None:
    log.info("beat starts waking workers")
    settings = load_settings()
    backups.watch(settings.backup_folder)
    serve_metrics(settings.listen, settings.metrics_port)
    # Only in beat: a wake-up that has reached the broker shows that it works.
    after_task_publish.connect(_beat_is_alive, weak=False)


def _beat_is_alive(**_: Any) -> None:
    health.alive("beat")
    WAKE_UPS.inc()


@setup_logging.connect
def _log_as_the_api_does(**_: Any) -> None:
    # Connecting to this signal replaces Celery's own logging setup.
    logs.configure(load_settings(), "beat" if "beat" in sys.argv else "worker")
    # Celery logs the start and the end of every task, three lines a second. The engine logs what
    # was done; problems are logged as warnings.
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # While Redis refuses to write, a worker tries to connect six times a second, and logs that each
    # time. Beat logs every wake-up that it can't send, with 8 kB of traceback: 30 MB an hour, which
    # pushes everything else out of the rotated logs.
    for name in ("celery.worker.consumer.consumer", "celery.beat"):
        logging.getLogger(name).addFilter(Repeats())
