"""Concurrency fits the available files and memory."""

import subprocess
import sys

import pytest

from app.open_files import SPARE_FILES
from tests.services import ROOT
from worker import capacity

MIB = 1 << 20


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return the limits of the system, which a test can change."""
    limits = {"files": 1_000_000, "memory": 1 << 40}
    monkeypatch.setattr(capacity, "raise_file_limit", lambda: limits["files"])
    monkeypatch.setattr(capacity, "memory_limit", lambda: limits["memory"])
    return limits


def test_with_plenty_of_resources_fifty_thousand_hanging_checks_fit(
    system: dict[str, int],
) -> None:
    assert capacity.fit(None) == 50_000


def test_some_files_are_left_for_the_rest_of_the_program(system: dict[str, int]) -> None:
    system["files"] = 1024

    assert capacity.fit(None) == 1024 - SPARE_FILES


def test_checks_fill_half_of_the_memory_at_the_most(system: dict[str, int]) -> None:
    system["memory"] = 512 * MIB

    assert capacity.fit(None) * capacity.CHECK_BYTES <= 256 * MIB


def test_the_operator_may_ask_for_less_or_for_more_than_fits_the_memory_but_not_the_files(
    system: dict[str, int],
) -> None:
    system.update(files=1024, memory=16 * MIB)

    assert capacity.fit(10) == 10
    assert capacity.fit(500) == 500
    assert capacity.fit(5000) == 1024 - SPARE_FILES


def test_some_capacity_remains_on_the_smallest_machine(system: dict[str, int]) -> None:
    system.update(files=64, memory=1)

    assert capacity.fit(None) > 0


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    code = (
        "import resource; from app.open_files import raise_file_limit; "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024)); "
        "print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["1024", "1024"]
