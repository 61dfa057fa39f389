"""The Celery application: `celery --app worker.app worker --pool solo`, `… beat`.

Celery only wakes. What is due and which worker has it is in PostgreSQL, so a task that is lost,
late or doubled does no harm. The engine runs next to Celery, in a thread of the same process, and
not in a task or in a child: Celery ends those when it loses the broker, and checks must go on.

The settings are all the same those that Celery's documentation has for tasks on Redis that must
not be lost: a task that is added here may rely on them.
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

if TYPE_CHECKING:
    from worker.engine import EngineThread

log = logging.getLogger(__name__)

# Seconds for which Redis keeps back a task that has not been acknowledged, before it gives it to
# another worker. The same for broker and results, because the shortest of all users of a
# Redis wins; and far longer than our tasks, which only wake, or they would run twice.
VISIBILITY_TIMEOUT = 600
# Seconds that checks and deliveries under way get when a worker is stopped; with what the engine
# and Celery need after that it fits in stop_grace_period (compose/07.yml).
DRAIN_SECONDS = 15
# Seconds that Celery gets after that. It may be waiting for a broker that does not answer, and
# nothing that counts is left to do.
CELERY_SECONDS = 3

# At a location a worker looks for its checks itself: it needs PostgreSQL and no Redis, and it must
# not take the wake-ups that are for others.
_settings = load_settings()
app = Celery("stagewatch", broker="memory://" if _settings.location else _settings.redis_url)
app.conf.update(
    # Acknowledged when done, not when taken: a worker that is killed leaves the task to others.
    task_acks_late=True,
    # Also when only a child is killed, where there are children.
    task_reject_on_worker_lost=True,
    # One task at a time per process: what waits, waits in Redis, for the next free worker.
    worker_prefetch_multiplier=1,
    # One process and one thread, which waits for the broker while the engine works.
    worker_pool="solo",
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT,
        # Redis serves the client that has waited longest. If workers asked every second, which
        # is the default, they would keep step with beat, and one of them would get all wake-ups.
        "polling_interval": 5,
        # Without these a worker waits forever for a connection that died silently.
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    result_backend_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    # A task whose connection is lost can't be acknowledged any more, and comes again.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    # Forever: a worker that gives up on Redis is a container that restarts again and again.
    broker_connection_max_retries=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_schedule={
        # A wake-up that no worker took in time is of no use later: the next one is there already.
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
    """Look at once for checks that are due."""
    engine().tell(lambda engine: engine.wake())


@app.task(name="deliver")
def deliver() -> None:
    """Look at once for notifications that are due."""
    engine().tell(lambda engine: engine.wake_delivery())


@app.task(name="maintain_partitions")
def maintain_partitions() -> None:
    """Maintain partitions and retention at once."""
    engine().tell(lambda engine: engine.wake_upkeep())


class EngineStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts the engine with the worker, before Celery has a connection to the broker."""

    requires = ("celery.worker.components:Pool",)

    def start(self, _worker: Any) -> None:
        # Here, because beat has no engine: what that loads, for the database and for checks, is
        # 18 MB of memory.
        from worker.engine import EngineThread

        settings = load_settings()
        serve_metrics(settings.listen, settings.metrics_port)
        _Process.engine = EngineThread(settings, health_name="worker")

    def stop(self, _worker: Any) -> None:
        if _Process.engine is not None:
            _Process.engine.close(DRAIN_SECONDS)

    terminate = stop


app.steps["worker"].add(EngineStep)


@worker_shutting_down.connect
def _begin_to_stop(exitcode: int, **_: Any) -> None:
    """Begin to drain as soon as the signal comes, even if Celery is waiting for something."""
    if _Process.engine is not None:
        _Process.engine.begin_close(DRAIN_SECONDS)
        threading.Thread(target=_end, args=(_Process.engine, exitcode), daemon=True).start()


def _end(engine: "EngineThread", exitcode: int) -> None:
    engine.close(DRAIN_SECONDS)
    time.sleep(CELERY_SECONDS)
    # Neither a broker that is silent nor a thread in a library that hangs may use up the grace
    # period: all that counts is stored.
    log.warning("stopped without waiting for the broker or for hanging threads")
    logging.shutdown()
    os._exit(exitcode)


@beat_init.connect
def _watch_beat(**_: Any) -> None:
    log.info("beat begins to wake workers")
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
    # A receiver of this signal takes the place of Celery's own logging.
    logs.configure(load_settings(), "beat" if "beat" in sys.argv else "worker")
    # Celery logs the beginning and the end of every task, three lines a second. The engine logs
    # what was done; what goes wrong is a warning.
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)
