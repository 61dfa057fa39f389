"""The one door to the checks: takes a target of any kind, returns a result in time."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from app.probing.connect import Network
from app.probing.deadline import Deadline
from app.probing.dns import check_dns
from app.probing.failure import Failure
from app.probing.guard import Guard
from app.probing.guard import Network as IpNetwork
from app.probing.http import HttpClient, Request, Response
from app.probing.resolve import Resolver
from app.probing.result import Result, reason
from app.probing.stopwatch import Stopwatch
from app.probing.targets import DnsTarget, HttpTarget, TcpTarget
from app.probing.tcp import check_tcp

log = logging.getLogger(__name__)

Target = HttpTarget | TcpTarget | DnsTarget
Check = Callable[[Any, Stopwatch], Awaitable[None]]


class Prober:
    """Runs checks, thousands at a time, in one event loop.

    `allowed_networks` may be reached although the Internet does not route them; `nameservers` are
    "ip" or "ip:port", by default those of the system. Nothing is opened before the first check.
    """

    def __init__(
        self,
        allowed_networks: Sequence[IpNetwork | str] = (),
        nameservers: Sequence[str] | None = None,
        user_agent: str = "Stagewatch",
    ) -> None:
        self._resolver = Resolver(nameservers)
        network = Network(Guard(allowed_networks), self._resolver)
        self._http = HttpClient(network, user_agent)
        # A new kind of monitor is one more line.
        self._checks: dict[type, Check] = {
            HttpTarget: self._http.check,
            TcpTarget: partial(check_tcp, network),
            DnsTarget: partial(check_dns, network),
        }

    async def probe(
        self,
        target: Target,
        timeout: float,  # noqa: ASYNC109 - the deadline is part of what is checked
    ) -> Result:
        """Return the outcome of one check of `target`, after `timeout` seconds at the latest.

        It raises nothing but CancelledError.
        """
        watch = Stopwatch()
        error: str | None = None
        try:
            with Deadline(timeout) as deadline:
                await self._checks[type(target)](target, watch)
        except Failure as failure:
            error = reason(failure.reason)
        except Exception as unexpected:
            if isinstance(unexpected, TimeoutError) and deadline.expired:
                error = _timed_out(timeout, watch)
            else:
                log.exception("a check of %s failed by a fault of its own", type(target).__name__)
                error = reason(f"internal error: {unexpected or type(unexpected).__name__}")
        timings = watch.timings()
        return Result(error is None, timings.total_ms, timings, watch.status_code, error)

    async def fetch(
        self,
        request: Request,
        timeout: float,  # noqa: ASYNC109 - as above, the failure names the phase
    ) -> Response:
        """Return the answer to one request; raise Failure if there is none in `timeout` seconds."""
        watch = Stopwatch()
        try:
            with Deadline(timeout) as deadline:
                return await self._http.fetch(request, watch)
        except TimeoutError:
            if not deadline.expired:
                raise
            raise Failure(_timed_out(timeout, watch)) from None

    async def close(self) -> None:
        """Let go of the name servers; checks that still run fail."""
        await self._resolver.close()


def _timed_out(timeout: float, watch: Stopwatch) -> str:
    return f"timed out after {timeout:g} s while {watch.phase}"
