"""What routes ask for in their parameters: the application's pool, cache, prober and others."""

from collections.abc import AsyncIterator
from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.cache import Cache
from app.channels.sealing import Sealer
from app.database import Database
from app.probing.prober import Prober
from app.status.cached import CachedSummary


def get_database(request: Request) -> Database:
    """Return the application's only connection pool."""
    database: Database = request.app.state.database
    return database


def get_prober(request: Request) -> Prober:
    """Return the application's only prober."""
    prober: Prober = request.app.state.prober
    return prober


def get_cache(request: Request) -> Cache:
    """Return the application's only cache."""
    cache: Cache = request.app.state.cache
    return cache


def get_sealer(request: Request) -> Sealer:
    """Return the application's one sealer."""
    sealer: Sealer = request.app.state.sealer
    return sealer


def get_cached_summary(request: Request) -> CachedSummary:
    """Return the application's only summary."""
    summary: CachedSummary = request.app.state.summary
    return summary


class Base(NamedTuple):
    """The status page's address without a trailing slash, and whether it is from PUBLIC_URL."""

    address: str
    is_configured: bool


def get_base_url(request: Request) -> Base:
    """Return the base of absolute links: PUBLIC_URL, else the address that the client used."""
    public_url: str | None = request.app.state.public_url
    return Base(public_url or str(request.base_url).rstrip("/"), public_url is not None)


DatabaseDep = Annotated[Database, Depends(get_database)]
CacheDep = Annotated[Cache, Depends(get_cache)]
ProberDep = Annotated[Prober, Depends(get_prober)]
SealerDep = Annotated[Sealer, Depends(get_sealer)]
BaseUrl = Annotated[Base, Depends(get_base_url)]
CachedSummaryDep = Annotated[CachedSummary, Depends(get_cached_summary)]


async def _session(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as session:
        yield session


# `function`: committed when the route returns and before its response is sent, so that a client
# finds what the response promises.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
