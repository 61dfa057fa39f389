"""How old the summary may be, and what makes it old before its time."""

import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, Request

from app.cache import CacheDep, CacheUnavailable

log = logging.getLogger(__name__)

KEY = "status"
# Seconds for which a summary is served as it is: everybody looks at it, and a state that is
# this old is still news.
FRESH_SECONDS = 5


async def _forget_after_a_change(request: Request, cache: CacheDep) -> AsyncIterator[None]:
    yield
    if request.method in {"GET", "HEAD"}:
        return
    try:
        await cache.delete(KEY)
    except CacheUnavailable:
        log.info("the cached summary was not forgotten; it is old in %d s", FRESH_SECONDS)


def changes_status() -> Any:
    """For a router's dependencies: who changed something sees it in the next summary.

    A router's dependencies end after those of its routes, so the change is committed by then.
    """
    return Depends(_forget_after_a_change, scope="function")
