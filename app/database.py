"""Access to PostgreSQL: one pool per process, short transactions, clear failures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import QueuePool

# Seconds to get a working connection: a machine that is starting containers, or flushing its disk
# cache, may need two. Including everything else that a request needs, it is answered within five
# seconds, even if the database does not respond.
CONNECT_SECONDS = 4.0
# Seconds for one statement: ours take milliseconds, so one that takes this long is stuck.
STATEMENT_SECONDS = 30


class Base(DeclarativeBase):
    """Base class of all tables; the migrations are compared with its metadata."""


# Errors that are not about the data: the same statement may succeed a moment later. Their
# classes: connection lost, transaction rolled back (deadlock, serialization), out of disk, memory
# or connections, shut down or cancelled by an operator, input/output error.
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})
# And single codes: read-only (a standby after a failover), ended for idling or for taking too
# long, a lock that was not obtained in time.
_PASSING_CODES = frozenset({"25006", "25P03", "25P04", "55P03"})


class DatabaseUnavailable(Exception):
    """PostgreSQL can't do the work now, for reasons other than the data.

    The transaction has had no effect, and may be retried later unchanged.
    """


class Database:
    """A pool of connections to `url` (postgresql+asyncpg://…), opened when first needed."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.pool_size = pool_size
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            # Parameters contain passwords and tokens, so a failed statement is logged without them.
            hide_parameters=True,
            pool_timeout=CONNECT_SECONDS,
            # Each connection is tested before it is used, so that those that died in the pool, as
            # after a restart of the database, cause no errors in requests.
            pool_pre_ping=True,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                # PostgreSQL subtracts days in the session's time zone. Where clocks change in
                # between, ninety days before midnight UTC would be an hour off.
                "server_settings": {"timezone": "UTC"},
            },
        )
        # Held here, because the event loop itself holds tasks by weak references only.
        self._abandoned: set[asyncio.Future[AsyncConnection]] = set()
        self._closing: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Begin a transaction: committed at the end of the block, rolled back by any exception.

        Raises DatabaseUnavailable when there is no connection, it is lost, or PostgreSQL can't do
        the work now: read-only, out of disk or connections, a deadlock, a statement cancelled.
        """
        connection = await self._connect()
        try:
            async with AsyncSession(connection, expire_on_commit=False) as session:
                yield session
                await session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable(f"connection lost: {error.orig}") from error
            if _passes(error):
                raise DatabaseUnavailable(str(error.orig)) from error
            raise
        except (TimeoutError, ConnectionError) as error:
            # asyncpg raises this for a statement that took too long. The connection may still be
            # busy with it, so it is not returned to the pool.
            await connection.invalidate()
            raise DatabaseUnavailable(f"no answer: {error!r}") from error
        finally:
            await connection.close()

    async def _connect(self) -> AsyncConnection:
        opening = asyncio.ensure_future(self._open())
        try:
            # Not asyncio.timeout, which waits until the cancelled task has cleaned up. With a
            # server that hangs, that takes seconds more. Here the task is left behind.
            await asyncio.wait([opening], timeout=CONNECT_SECONDS)
        except asyncio.CancelledError:
            # The connection may already be open, although nothing will use it.
            self._abandon(opening)
            raise
        if opening.cancelled() or not opening.done():
            self._abandon(opening)
            raise DatabaseUnavailable(f"no connection within {CONNECT_SECONDS} s")
        try:
            return opening.result()
        except (PoolTimeoutError, OSError, DBAPIError) as error:
            raise DatabaseUnavailable(f"no connection: {error}") from error

    def _abandon(self, opening: asyncio.Future[AsyncConnection]) -> None:
        opening.cancel()
        self._abandoned.add(opening)
        opening.add_done_callback(self._clean_up)

    def _clean_up(self, opening: asyncio.Future[AsyncConnection]) -> None:
        self._abandoned.discard(opening)
        if not opening.cancelled() and opening.exception() is None:
            # It was opened after the time limit, so nothing waits for it any more.
            closing = asyncio.ensure_future(opening.result().close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _open(self) -> AsyncConnection:
        return await self.engine.connect()

    async def ping(self) -> None:
        """Run a trivial query; raise DatabaseUnavailable if PostgreSQL does not respond."""
        async with self.transaction() as session:
            await session.execute(text("SELECT 1"))

    def connections(self) -> tuple[int, int]:
        """Return how many connections are in use, and how many are idle."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout(), pool.checkedin()

    async def close(self) -> None:
        """Close all connections, including those that were opened too late."""
        # Wait until they have ended; being cancelled is not an error.
        await asyncio.gather(*self._abandoned, return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.engine.dispose()


def _passes(error: DBAPIError) -> bool:
    """Return whether the error is not about the data and may not recur a moment later."""
    code = getattr(error.orig, "sqlstate", None) or ""
    return code in _PASSING_CODES or code[:2] in _PASSING_CLASSES
