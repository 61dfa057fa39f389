"""The Celery application: `celery -A worker.app worker`, `celery -A worker.app beat`.

Celery only wakes. What is due and who has it is in PostgreSQL, so a task that is lost, late or
doubled does no harm. The settings are all the same those for tasks that must not be lost, as
Celery's documentation has them for Redis: whoever adds a task here may rely on them.
"""

import logging
from typing import Any

from celery import Celery
from celery.signals import (
    after_setup_logger,
    after_task_publish,
    beat_init,
    worker_process_init,
    worker_process_shutdown,
)
from kombu.exceptions import OperationalError

from app.settings import load_settings
from worker import health
from worker.runtime import Runtime

log = logging.getLogger(__name__)

# Seconds for which Redis keeps back a task that nobody has acknowledged, before it gives it to
# another worker. The same for broker and results, because the shortest of all who share a
# Redis wins; and longer than the longest task with its wait, or tasks would run twice.
VISIBILITY_TIMEOUT = 600
# Seconds after which a task is ended; none of ours takes half of it.
TASK_TIME_LIMIT = 300
# Seconds that checks under way get when a worker is stopped. With what Celery itself needs it
# fits in stop_grace_period (compose/07.yml).
DRAIN_SECONDS = 15

app = Celery("stagewatch", broker=load_settings().redis_url, include=["worker.tasks"])
app.conf.update(
    # Acknowledged when done, not when taken: a worker that is killed leaves the task to others.
    task_acks_late=True,
    # Also when only the child is killed, by the system for want of memory, for instance.
    task_reject_on_worker_lost=True,
    # One task at a time for each process: what waits, waits in Redis, for whoever is free.
    worker_prefetch_multiplier=1,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT,
        # Redis serves who has waited longest. Asked anew every second, as is the default, the
        # workers keep step with beat's wake-ups, and the same one gets them all.
        "polling_interval": 5,
        # Without these a connection that died silently is waited for for ever.
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    result_backend_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT},
    # A task whose connection is lost can't be acknowledged any more, and comes again.
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    # For ever: a worker that gives up on Redis is a container that restarts in circles.
    broker_connection_max_retries=None,
    task_time_limit=TASK_TIME_LIMIT,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_schedule={
        # A wake-up that nobody took in time is of no use later: the next one is there already.
        "check": {"task": "check", "schedule": 1.0, "options": {"expires": 5}},
        "deliver": {"task": "deliver", "schedule": 5.0, "options": {"expires": 10}},
        "keep_up": {"task": "keep_up", "schedule": 3600.0, "options": {"expires": 600}},
    },
)


class _Process:
    """What a worker's child has. Made after the fork: loops and connections survive none."""

    runtime: Runtime | None = None


def runtime() -> Runtime:
    """This process's runtime. Raises RuntimeError outside a worker."""
    if _Process.runtime is None:
        raise RuntimeError("tasks run in a worker's processes only")
    return _Process.runtime


@worker_process_init.connect
def _begin(**_: Any) -> None:
    _Process.runtime = Runtime(load_settings(), on_notifications=_wake_delivery)


def _wake_delivery() -> None:
    try:
        app.send_task("deliver", expires=10)
    except OperationalError as error:
        # The notifications are in the outbox; the next wake-up finds them.
        log.warning("delivery is not woken at once: %s", error)


@worker_process_shutdown.connect
def _end(**_: Any) -> None:
    if _Process.runtime is not None:
        _Process.runtime.close(DRAIN_SECONDS)


@beat_init.connect
def _watch_beat(**_: Any) -> None:
    # Only in beat: a wake-up that has reached the broker is its sign of life.
    after_task_publish.connect(_beat_is_alive, weak=False)


def _beat_is_alive(**_: Any) -> None:
    health.alive("beat")


@after_setup_logger.connect
def _say_what_was_done(**_: Any) -> None:
    # Celery tells of every task that comes and goes, three lines a second. What was done says
    # the crew; what went wrong is a warning.
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)
