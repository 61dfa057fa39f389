"""Make changes visible at once: the summary cached before a change is no longer served."""

import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, Request

from app.api.dependencies import CachedSummaryDep
from app.cache import CacheUnavailable
from app.status.cached import FRESH_SECONDS

log = logging.getLogger(__name__)


async def _forget_after_a_change(
    request: Request, summary: CachedSummaryDep
) -> AsyncIterator[None]:
    yield
    if request.method in {"GET", "HEAD"}:
        return
    try:
        await summary.forget()
    except CacheUnavailable:
        log.info("the cached summary could not be deleted; it is outdated in %d s", FRESH_SECONDS)


def changes_status() -> Any:
    """Return a dependency for routers, so that clients see their change in the next summary.

    A router's dependencies end after those of its routes, so the change is committed by then.
    """
    return Depends(_forget_after_a_change, scope="function")
