"""Shared by all tests: the order in which they run, and how skipped tests are treated."""

import os
from collections.abc import Generator

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # no types

from tests.engine import engine_answers
from tests.run import Run

# The usual host names, and the one that Starlette's test client sends.
os.environ.setdefault("ALLOWED_HOSTS", "localhost, api, testserver")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
RUN = pytest.StashKey[Run]()


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        config.stash[RUN] = Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):
        config.stash[RUN].close()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers to start: none for one file or test, which take a second."""
    if len(config.args) == 1 and ("::" in config.args[0] or config.args[0].endswith(".py")):
        return 0
    # Tests wait more than they compute: for servers, processes and containers.
    return min(8, 2 * (os.cpu_count() or 1))


# Tests of stacks that build, pull and migrate, and measure nothing. They take a sixth of the time,
# so a second worker runs them, once the integration tests have ended.
BESIDE = tuple(f"tests/stack/test_{name}.py" for name in ("build", "delivery", "image", "upgrade"))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # without types
    """Run the tests of real stacks one or two at a time, and all others in parallel."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(BESIDE):
            return "beside"
        # More stacks at a time need more memory and time than they save, and so do two browsers. A
        # stack and a browser don't run together either: when a network is added or removed, as for
        # a stack, Chromium aborts what it is loading.
        if nodeid.startswith(("tests/stack/", "tests/browser/")):
            return "tests/stack"
        # Tests that wait are in few files: scheduled by file, one worker would run all of them.
        if nodeid.startswith("tests/integration/"):
            return nodeid
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


# These depend on the clock, so they run when all other tests have ended and the machine is quiet.
LAST = ("tests/browser/", "tests/stack/test_deploy.py")


def _turn(item: pytest.Item) -> int:
    """Return a test's place: the longest ones that can't be divided start first."""
    if item.nodeid.startswith(LAST):
        return 1
    if item.nodeid.startswith(BESIDE):
        return 3
    return 0 if item.nodeid.startswith("tests/stack/") else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
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
