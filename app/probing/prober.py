"""The entry point to all checks: take a target, return a result in time."""

import asyncio
import logging
from collections.abc import Sequence

from app.probing.guard import Guard, IpNetwork
from app.probing.http import fetch
from app.probing.network import Stopwatch
from app.probing.result import CheckerFault, Failure, Result, reason
from app.probing.targets import HttpTarget
from app.probing.verdict import judge

log = logging.getLogger(__name__)

Target = HttpTarget


class Prober:
    """Runs checks concurrently in one event loop.

    `allowed_networks` may be reached although they are not public.
    """

    def __init__(
        self,
        allowed_networks: Sequence[IpNetwork | str] = (),
        user_agent: str = "Stagewatch",
    ) -> None:
        self._guard = Guard(allowed_networks)
        self._user_agent = user_agent

    async def probe(
        self,
        target: Target,
        timeout: float,  # noqa: ASYNC109 - the deadline is part of what is checked
    ) -> Result:
        """Return the outcome of one check of `target` within `timeout` seconds.

        Raises CheckerFault if the checker itself lacks a resource: then nothing is known about the
        target. Raises nothing else.
        """
        watch = Stopwatch()
        error: str | None = None
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline:
                judge(target, await fetch(target, self._guard, self._user_agent, watch))
        except CheckerFault:
            raise
        except MemoryError:
            raise CheckerFault("the checker is out of memory") from None
        except Failure as failure:
            error = reason(failure.reason)
        except Exception as unexpected:
            if deadline.expired():
                error = f"timed out after {timeout:g} s while {watch.phase}"
            else:
                log.exception("a check of %s failed because of a bug", target.url.host)
                error = reason(f"internal error: {str(unexpected) or type(unexpected).__name__}")
        timings = watch.timings()
        return Result(error is None, timings.total_ms, timings, watch.status_code, error)

    async def close(self) -> None:
        """Release what is held between checks, which is nothing yet."""
