"""Make changes visible at once: a change removes the summary from the cache."""

import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, Request

from app.api.dependencies import CacheDep
from app.cache import CacheUnavailable
from app.status.freshness import FRESH_SECONDS, KEY

log = logging.getLogger(__name__)


async def _forget_after_a_change(request: Request, cache: CacheDep) -> AsyncIterator[None]:
    yield
    if request.method in {"GET", "HEAD"}:
        return
    try:
        await cache.delete(KEY)
    except CacheUnavailable:
        log.info("the cached summary could not be deleted; it is outdated in %d s", FRESH_SECONDS)


def changes_status() -> Any:
    """Return a dependency for routers, so that clients see their change in the next summary.

    A router's dependencies end after those of its routes, so the change is committed by then.
    """
    return Depends(_forget_after_a_change, scope="function")
