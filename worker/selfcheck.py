"""What the checker can find out about itself before it blames its targets."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiodns
import pycares

log = logging.getLogger(__name__)

# Seconds between two ticks of the event loop, and how late a tick must be to matter.
TICK_SECONDS = 0.2
LAG_SECONDS = 0.5
# Seconds allowed for each part of the self-check.
PART_SECONDS = 2.0


class LoopWatch:
    """Notices when the event loop itself was late, by time.monotonic().

    A delayed loop handles its timers before it reads the data that has arrived in the meantime, so
    checks time out although their targets have responded.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._late_at = float("-inf")
        self._expect()

    def late_since(self, begin: float) -> bool:
        """Return whether the loop was late at any time since `begin`."""
        # The next tick may already be late itself.
        return self._late_at >= begin or time.monotonic() - self._expected > LAG_SECONDS

    def close(self) -> None:
        """Stop watching."""
        self._handle.cancel()

    def _expect(self) -> None:
        self._expected = time.monotonic() + TICK_SECONDS
        self._handle = self._loop.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._expected > LAG_SECONDS:
            self._late_at = now
        self._expect()


class SelfCheck:
    """Compares what the checker can reach with what it could reach when all was well.

    It looks for a connection to itself, a route out of this machine, a name server that answers.
    What was never there (no name server, no route) is not missed; what was there and is gone is a
    fault of the checker's environment, not of its targets.
    """

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._nameservers = list(nameservers) if nameservers else None
        self._earlier: set[str] = set()
        self._known: set[str] = set()

    async def learn(self) -> None:
        """Record what is reachable now. Call this while checks succeed."""
        # The previous record counts too: this one may be taken just when something is lost.
        self._earlier, self._known = self._known, await self._facts()

    async def missing(self) -> list[str]:
        """Return what was there before and is not there now, in words."""
        return sorted((self._earlier | self._known) - await self._facts())

    async def _facts(self) -> set[str]:
        asked = {
            "a connection to itself": self._loopback(),
            "a route out of this machine": self._route(),
            "an answer of a name server": self._nameserver(),
        }
        found = await asyncio.gather(*(_in_time(part) for part in asked.values()))
        return {name for name, there in zip(asked, found, strict=True) if there}

    async def _loopback(self) -> bool:
        server = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", 0, family=socket.AF_INET
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            # Being connected is all that matters; how the connection ends does not.
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return True

    async def _route(self) -> bool:
        return _has_default_route()

    async def _nameserver(self) -> bool:
        resolver = aiodns.DNSResolver(self._nameservers, timeout=PART_SECONDS / 2, tries=1)
        try:
            # The root's own name servers: any resolver that can reach the Internet knows them.
            await resolver.query_dns(".", "NS")
        except aiodns.error.DNSError as error:
            # "No such name" counts as an answer; silence, a refusal or a failure does not.
            return error.args[0] in (pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND)
        finally:
            await resolver.close()
        return True


def _has_default_route() -> bool:
    """Return whether Linux has a default route. Raises OSError on other systems."""
    # Column 2 is the destination, 0 for the default; column 4 the flags, 1 for "up".
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[1] == "00000000" and int(columns[3], 16) & 1:
            return True
    # For IPv6 there is always one through `lo`, which leads nowhere.
    for line in Path("/proc/net/ipv6_route").read_text().splitlines():
        columns = line.split()
        if columns[0] == "0" * 32 and columns[1] == "00" and columns[-1] != "lo":
            return True
    return False


async def _in_time(part: Coroutine[Any, Any, bool]) -> bool:
    try:
        async with asyncio.timeout(PART_SECONDS):
            return await part
    except (OSError, TimeoutError):
        # Not there, which is the answer.
        return False
    except Exception:
        log.exception("a part of the self-check failed")
        return False
