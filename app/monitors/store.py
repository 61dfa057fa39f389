"""Monitors looked up by number."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.monitors.models import Monitor, State
from app.problems import Problem

MAX_ID = 2**31 - 1


async def find(
    session: AsyncSession, monitor_id: int, *, lock: bool = False
) -> tuple[Monitor, State]:
    """A monitor and its state; with `lock`, until the transaction's end nobody else's to change.

    Raises Problem (404) when there is none.
    """
    if not 0 < monitor_id <= MAX_ID:
        raise Problem(404, f"There is no monitor {monitor_id}.")
    query = (
        select(Monitor, State)
        .join(State, State.monitor_id == Monitor.id)
        .where(Monitor.id == monitor_id)
    )
    if lock:
        # Not against those who only refer to the monitor: who stores an incident of it has the
        # state's row already, and would wait here while we wait there.
        query = query.with_for_update(key_share=True)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Problem(404, f"There is no monitor {monitor_id}.")
    monitor, state = row
    return monitor, state
