"""Shared by all tests: how skipped tests are treated, and whether an engine answers."""

import os
import subprocess
from collections.abc import Generator
from functools import cache

import pytest

# The reaper of testcontainers is one more image to pull; the fixtures here clean up
# after themselves, even after a failure.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

# The usual host names, and the one that Starlette's test client sends.
os.environ.setdefault("ALLOWED_HOSTS", "localhost, api, testserver")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


@cache
def engine_answers() -> bool:
    """Return whether a Docker engine answers."""
    try:
        done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if IN_CI or engine_answers():
        return
    for item in items:
        if "tests/stack/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="no Docker engine answers"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, let a skipped test fail: it has proven nothing."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests were skipped: {reason}")
