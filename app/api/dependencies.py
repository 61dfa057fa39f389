"""What routes ask for in their parameters: the application's pool, cache, prober, summary."""

from collections.abc import AsyncIterator
from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.cache import Cache
from app.database import Database
from app.probing.prober import Prober
from app.status.cached import CachedSummary


def get_database(request: Request) -> Database:
    """Return the application's one pool."""
    database: Database = request.app.state.database
    return database


def get_prober(request: Request) -> Prober:
    """Return the application's one prober."""
    prober: Prober = request.app.state.prober
    return prober


def get_cache(request: Request) -> Cache:
    """Return the application's one cache."""
    cache: Cache = request.app.state.cache
    return cache


def get_cached_summary(request: Request) -> CachedSummary:
    """Return the application's one summary."""
    summary: CachedSummary = request.app.state.summary
    return summary


class Base(NamedTuple):
    """The address of the status page without a slash at its end, and whether PUBLIC_URL says it."""

    address: str
    is_configured: bool


def get_base_url(request: Request) -> Base:
    """Return what absolute links begin with: PUBLIC_URL, else what the client has asked for."""
    public_url: str | None = request.app.state.public_url
    return Base(public_url or str(request.base_url).rstrip("/"), public_url is not None)


DatabaseDep = Annotated[Database, Depends(get_database)]
CacheDep = Annotated[Cache, Depends(get_cache)]
ProberDep = Annotated[Prober, Depends(get_prober)]
BaseUrl = Annotated[Base, Depends(get_base_url)]
CachedSummaryDep = Annotated[CachedSummary, Depends(get_cached_summary)]


async def _session(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as session:
        yield session


# `function`: committed when the route returns and before its answer is sent, so that a client
# finds what its answer promised.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
