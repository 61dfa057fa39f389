"""The way to PostgreSQL: one pool for each process, short transactions, clear failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

# Seconds to get a working connection. With what a request needs besides, an answer comes
# within two seconds, also when the database does not.
CONNECT_SECONDS = 1.5
# Seconds for one statement: ours take milliseconds, and what takes this long is stuck.
STATEMENT_SECONDS = 30


class Base(DeclarativeBase):
    """The tables' common ancestor; its metadata is what the migrations are compared with."""


class DatabaseUnavailable(Exception):
    """PostgreSQL can't be reached now, or was lost on the way: nothing of the transaction holds."""


class Database:
    """A pool of connections to `url` (postgresql+asyncpg://…), opened when first needed."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # Parameters hold passwords and tokens: a failed statement is logged without them.
            hide_parameters=True,
            pool_timeout=CONNECT_SECONDS,
            # A connection that died in the pool is found by asking before it is used, so
            # that a restart of the database costs no request an error.
            pool_pre_ping=True,
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
        )
        # Held here, because the event loop itself holds tasks by weak references only.
        self._abandoned: set[asyncio.Future[AsyncConnection]] = set()
        self._closing: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        Raises DatabaseUnavailable when there is no connection, or it is lost.
        """
        connection = await self._connect()
        try:
            async with AsyncSession(connection, expire_on_commit=False) as session:
                yield session
                await session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable(f"connection lost: {error.orig}") from error
            raise
        finally:
            await connection.close()

    async def _connect(self) -> AsyncConnection:
        opening = asyncio.ensure_future(self._open())
        try:
            # Not asyncio.timeout, which waits until what it cancels has cleaned up: with a
            # server that hangs, that takes seconds more. Here it is left to itself.
            await asyncio.wait([opening], timeout=CONNECT_SECONDS)
        finally:
            if not opening.done():
                opening.cancel()
                self._abandoned.add(opening)
                opening.add_done_callback(self._clean_up)
        if opening.cancelled() or not opening.done():
            raise DatabaseUnavailable(f"no connection within {CONNECT_SECONDS} s")
        try:
            return opening.result()
        except (PoolTimeoutError, OSError, DBAPIError) as error:
            raise DatabaseUnavailable(f"no connection: {error}") from error

    def _clean_up(self, opening: asyncio.Future[AsyncConnection]) -> None:
        self._abandoned.discard(opening)
        if not opening.cancelled() and opening.exception() is None:
            # It came after all, when nobody waited for it any more.
            closing = asyncio.ensure_future(opening.result().close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _open(self) -> AsyncConnection:
        return await self.engine.connect()

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when PostgreSQL does not answer."""
        async with self.transaction() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections, those too that nobody waited for any more."""
        await asyncio.gather(*self._abandoned, return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.engine.dispose()


def get_database(request: Request) -> Database:
    """The application's one pool."""
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def _session(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as session:
        yield session


# `function`: committed when the route returns and before its answer is sent, so that who got
# an answer finds what it promised.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]
