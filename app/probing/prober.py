"""The entry point to all checks: take a target of any kind, return a result in time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from app.probing.connect import Connector, tls_context
from app.probing.dns import check_dns
from app.probing.guard import Guard, IpNetwork
from app.probing.http import HttpClient, Request, Response
from app.probing.resolve import Resolver
from app.probing.result import OUT_OF_MEMORY, CheckerFault, Failure, Result, Stopwatch, reason
from app.probing.targets import DnsTarget, HttpTarget, Target, TcpTarget
from app.probing.verdict import judge

log = logging.getLogger(__name__)

Check = Callable[[Any, Stopwatch], Awaitable[None]]
T = TypeVar("T")


class Prober:
    """Runs checks, thousands at a time, in one event loop.

    `allowed_networks` may be reached although they are not public; `nameservers` are "ip" or
    "ip:port", by default the system's. Only the CA certificates are loaded before the first check:
    loading them takes a while, and would fail later if no more files could be opened.
    """

    def __init__(
        self,
        allowed_networks: Sequence[IpNetwork | str] = (),
        nameservers: Sequence[str] | None = None,
        user_agent: str = "Stagewatch",
    ) -> None:
        tls_context(verify=True)
        self._resolver = Resolver(nameservers)
        connector = Connector(Guard(allowed_networks), self._resolver)
        self._http = HttpClient(connector, user_agent)
        # To add a kind of monitor, add a line here.
        self._checks: dict[type, Check] = {
            HttpTarget: partial(check_http, self._http),
            TcpTarget: partial(check_tcp, connector),
            DnsTarget: partial(check_dns, connector),
        }

    async def probe(
        self,
        target: Target,
        timeout: float,  # noqa: ASYNC109 - the deadline is part of what is checked
    ) -> Result:
        """Return the outcome of one check of `target` within `timeout` seconds.

        Raises CheckerFault if the checker itself lacks a resource: then nothing is known about the
        target. Finding out whether the name servers are to blame may take one second more.
        """
        watch = Stopwatch()
        error: str | None = None
        try:
            await self._within(timeout, self._checks[type(target)](target, watch), watch)
        except Failure as failure:
            error = reason(failure.reason)
        timings = watch.timings()
        return Result(
            error is None,
            timings.total_ms,
            timings,
            watch.status_code,
            error,
            watch.certificate_expires,
        )

    async def look(
        self,
        request: Request,
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> tuple[Result, Response | None]:
        """Return the outcome of one request, and the response, if there is one, unjudged.

        Raises CheckerFault as `probe` does.
        """
        watch = Stopwatch()
        response: Response | None = None
        error: str | None = None
        try:
            response = await self._within(timeout, self._http.fetch(request, watch), watch)
        except Failure as failure:
            error = reason(failure.reason)
        timings = watch.timings()
        result = Result(error is None, timings.total_ms, timings, watch.status_code, error)
        return result, response

    async def fetch(
        self,
        request: Request,
        timeout: float,  # noqa: ASYNC109 - as above, the failure names the phase
    ) -> Response:
        """Return the response to a request; raise Failure if none arrives in `timeout` seconds.

        Raises CheckerFault as `probe` does.
        """
        watch = Stopwatch()
        return await self._within(timeout, self._http.fetch(request, watch), watch)

    async def close(self) -> None:
        """Close the sockets to the name servers; checks that still need them raise CheckerFault."""
        await self._resolver.close()

    async def _within(self, seconds: float, work: Awaitable[T], watch: Stopwatch) -> T:
        """Return the result of `work`; raise nothing but Failure, CheckerFault, CancelledError."""
        deadline = Deadline(seconds)
        try:
            with deadline:
                return await work
        except (Failure, CheckerFault):
            raise
        except MemoryError:
            raise CheckerFault(OUT_OF_MEMORY) from None
        except Exception as unexpected:
            if not (isinstance(unexpected, TimeoutError) and deadline.expired):
                # A bug here must not be reported as an outage of the target.
                log.exception("a check failed with an internal error")
                why = str(unexpected) or type(unexpected).__name__
                raise CheckerFault(reason(f"internal error: {why}")) from unexpected
        if watch.phase == "resolving":
            await self._resolver.ensure_answering(watch.started)
        raise Failure(f"timed out after {seconds:g} s while {watch.phase}")


async def check_http(client: HttpClient, target: HttpTarget, watch: Stopwatch) -> None:
    """Return if the target responds as required; raise Failure otherwise."""
    judge(target, await client.fetch(target.request, watch))


async def check_tcp(connector: Connector, target: TcpTarget, watch: Stopwatch) -> None:
    """Connect to the target, then drop the connection; raise Failure if connecting fails."""
    transport = await connector.connect(asyncio.Protocol, target.host, target.port, watch)
    transport.abort()


class Deadline:
    """Cancels the work in the `with` block after `seconds` and raises TimeoutError instead.

    `expired` distinguishes that TimeoutError from one raised by the operating system. This class
    replaces asyncio.timeout because every check pays for it: 1.2 microseconds of CPU instead of
    3.0. In alternating runs of bench/probe_cost.py, a whole check took 3 to 7 % longer with
    asyncio.timeout.
    """

    __slots__ = ("_cancelling", "_handle", "_seconds", "_task", "expired")

    _handle: asyncio.TimerHandle
    _task: "asyncio.Task[object]"
    _cancelling: int

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task that it can cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = task.get_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()
        # If the task was also cancelled from elsewhere, it must stay cancelled.
        if (
            self.expired
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
