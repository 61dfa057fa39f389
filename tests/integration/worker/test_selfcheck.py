"""The self-check finds out whether the network really works."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.nameserver import NameServer
from tests.services import ROOT
from worker.selfcheck import LAG_SECONDS, LoopWatch, SelfCheck


def with_nameserver(work: Callable[[SelfCheck, NameServer], Coroutine[Any, Any, None]]) -> None:
    with NameServer({}) as server:
        asyncio.run(work(SelfCheck([server.address]), server))


def test_nothing_is_reported_missing_if_nothing_has_changed() -> None:
    async def work(check: SelfCheck, server: NameServer) -> None:
        await check.learn()
        assert await check.missing() == []

    with_nameserver(work)


def test_a_name_server_that_has_gone_is_missed() -> None:
    async def learn(check: SelfCheck, server: NameServer) -> None:
        await check.learn()
        gone.append(check)

    gone: list[SelfCheck] = []
    with_nameserver(learn)

    assert asyncio.run(gone[0].missing()) == ["an answer of a name server"]


def test_a_name_server_that_was_never_there_is_not_missed() -> None:
    async def work() -> list[str]:
        check = SelfCheck(["127.0.0.1:1"])
        await check.learn()
        return await check.missing()

    assert asyncio.run(work()) == []


# In its own network namespace, which has no route; the first one leads nowhere.
ROUTE_LOST = """
import asyncio, subprocess
from worker.selfcheck import SelfCheck

async def work():
    check = SelfCheck(["127.0.0.1:1"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
    await check.learn()
    print(await check.missing())
    subprocess.run(["ip", "route", "del", "default"], check=True)
    print(await check.missing())

asyncio.run(work())
"""
OWN_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]


def test_a_default_route_that_has_gone_is_missed() -> None:
    try:
        subprocess.run([*OWN_NETWORK, "ip", "link"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no network namespaces here: they need Linux, util-linux and iproute2")

    done = subprocess.run(
        [*OWN_NETWORK, sys.executable, "-c", ROUTE_LOST],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["[]", "['a route out of this machine']"]


def test_an_event_loop_that_was_held_up_is_noticed_and_one_that_was_not_is_not() -> None:
    async def work() -> tuple[bool, bool]:
        watch = LoopWatch()
        begin = time.monotonic()
        await asyncio.sleep(0.3)
        before = watch.late_since(begin)
        time.sleep(LAG_SECONDS + 0.5)  # noqa: ASYNC251 (that is what is to be noticed)
        await asyncio.sleep(0)
        after = watch.late_since(begin)
        watch.close()
        return before, after

    assert asyncio.run(work()) == (False, True)
