"""Celery is set as its documentation advises for Redis when no task may be lost."""

from worker import tasks
from worker.app import DRAIN_SECONDS, TASK_TIME_LIMIT, VISIBILITY_TIMEOUT, app
from worker.health import main


def test_a_task_is_acknowledged_when_it_is_done_and_comes_again_when_its_worker_is_lost() -> None:
    for task in (tasks.check, tasks.deliver, tasks.keep_up):
        assert task.acks_late is True
        assert task.reject_on_worker_lost is True
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.worker_cancel_long_running_tasks_on_connection_loss is True


def test_one_visibility_timeout_is_stated_everywhere_and_longer_than_the_longest_task() -> None:
    stated = {
        app.conf.broker_transport_options["visibility_timeout"],
        app.conf.result_backend_transport_options["visibility_timeout"],
    }

    assert stated == {VISIBILITY_TIMEOUT}
    longest_wait = max(entry["options"]["expires"] for entry in app.conf.beat_schedule.values())
    assert TASK_TIME_LIMIT == app.conf.task_time_limit < VISIBILITY_TIMEOUT
    assert longest_wait <= VISIBILITY_TIMEOUT
    assert DRAIN_SECONDS < TASK_TIME_LIMIT


def test_the_health_check_is_told_how_to_be_asked() -> None:
    assert main([]) == 2
    assert main(["nobody"]) == 2
