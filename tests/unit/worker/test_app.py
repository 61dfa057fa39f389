"""Celery has the settings that its documentation recommends for Redis when no task may be lost."""

import subprocess
import sys

from tests.services import ROOT
from worker.app import CELERY_SECONDS, DRAIN_SECONDS, VISIBILITY_TIMEOUT, app
from worker.checker import STORE_SECONDS
from worker.engine import CLOSE_SECONDS


def test_a_task_is_acknowledged_when_it_is_done_and_comes_again_when_its_worker_is_lost() -> None:
    for name in ("check", "deliver", "maintain_partitions"):
        assert app.tasks[name].acks_late is True
        assert app.tasks[name].reject_on_worker_lost is True
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.worker_cancel_long_running_tasks_on_connection_loss is True


def test_one_visibility_timeout_is_stated_everywhere_and_longer_than_a_task_may_wait() -> None:
    stated = {
        app.conf.broker_transport_options["visibility_timeout"],
        app.conf.result_backend_transport_options["visibility_timeout"],
    }

    assert stated == {VISIBILITY_TIMEOUT}
    longest_wait = max(entry["options"]["expires"] for entry in app.conf.beat_schedule.values())
    assert longest_wait <= VISIBILITY_TIMEOUT


def test_a_worker_has_no_children_that_the_loss_of_the_broker_could_end() -> None:
    assert app.conf.worker_pool == "solo"


def test_a_stop_fits_in_the_time_that_compose_gives_it() -> None:
    compose = (ROOT / "compose/07.yml").read_text()

    assert "stop_grace_period: 30s" in compose
    assert STORE_SECONDS < CLOSE_SECONDS
    assert DRAIN_SECONDS + CLOSE_SECONDS + CELERY_SECONDS < 30


def test_a_worker_loads_nothing_of_the_api() -> None:
    assert loaded_by("worker.app, worker.engine", "fastapi", "starlette") == "set()"


def test_beat_loads_nothing_that_only_the_engine_needs() -> None:
    assert loaded_by("worker.app", "worker.engine", "sqlalchemy.orm", "asyncpg") == "set()"


def loaded_by(modules: str, *names: str) -> str:
    code = f"import sys, {modules}; print(set({names}) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
