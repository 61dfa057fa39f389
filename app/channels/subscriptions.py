"""Which channels a monitor notifies: all of them, or those that it names."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import InvalidFieldError

# Locked, so that none of them is deleted before the monitor that names it is stored. In the order
# of their numbers, as always when several rows are locked.
_FIND = text("""
    SELECT id FROM channels WHERE id = ANY(CAST(:ids AS int[])) ORDER BY id FOR KEY SHARE
""")

_DROP = text("""
    DELETE FROM monitor_channels
    WHERE monitor_id = ANY(CAST(:ids AS int[]))
      AND (monitor_id, channel_id) NOT IN (
          SELECT * FROM unnest(CAST(:monitors AS int[]), CAST(:channels AS int[])))
""")

_ADD = text("""
    INSERT INTO monitor_channels (monitor_id, channel_id)
    SELECT * FROM unnest(CAST(:monitors AS int[]), CAST(:channels AS int[]))
    ON CONFLICT DO NOTHING
""")

_NAMED = text("""
    SELECT m.id, m.all_channels,
           array_agg(mc.channel_id ORDER BY mc.channel_id)
               FILTER (WHERE mc.channel_id IS NOT NULL)
    FROM monitors m LEFT JOIN monitor_channels mc ON mc.monitor_id = m.id
    WHERE m.id = ANY(CAST(:ids AS int[]))
    GROUP BY m.id
""")


async def set_channels(session: AsyncSession, named: Mapping[int, Sequence[int]]) -> None:
    """Set the channels that stored monitors name, by monitor. The channels are locked."""
    pairs = [(monitor_id, channel_id) for monitor_id, ids in named.items() for channel_id in ids]
    values = {"ids": list(named), "monitors": [], "channels": []}
    if pairs:
        values["monitors"], values["channels"] = map(list, zip(*pairs, strict=True))
    await session.execute(_DROP, values)
    await add_channels(session, pairs)


async def lock_channels(session: AsyncSession, channel_ids: Iterable[int]) -> set[int]:
    """Return which of these channels exist; none is deleted before this transaction ends."""
    ids = sorted(set(channel_ids))
    return set(await session.scalars(_FIND, {"ids": ids})) if ids else set()


def check_known(channel_ids: Iterable[int], known: set[int]) -> None:
    """Raise InvalidFieldError if any of the channels is not known."""
    if missing := sorted(set(channel_ids) - known):
        numbers = ", ".join(str(channel_id) for channel_id in missing)
        raise InvalidFieldError("channel_ids", f"there is no channel {numbers}")


async def add_channels(session: AsyncSession, pairs: Sequence[tuple[int, int]]) -> None:
    """Have monitors notify locked channels, given as pairs of a monitor and a channel."""
    if pairs:
        monitors, channels = zip(*pairs, strict=True)
        await session.execute(_ADD, {"monitors": list(monitors), "channels": list(channels)})


async def channel_ids(
    session: AsyncSession, monitor_ids: Sequence[int]
) -> dict[int, list[int] | None]:
    """Return the channels that these monitors name, in order, by monitor; None: all."""
    if not monitor_ids:
        return {}
    rows = await session.execute(_NAMED, {"ids": list(monitor_ids)})
    return {monitor_id: None if tells_all else named or [] for monitor_id, tells_all, named in rows}
