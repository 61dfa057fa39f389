"""Ninety days of monitors: the uptime of each day, and of the windows of app.checks.uptime."""

from collections.abc import Sequence
from datetime import date

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.uptime import WINDOWS, Window
from app.fields import MAX_ID

DAYS = 90
# Decimals of a day's share: 86 ms of a day. This keeps pages of a hundred monitors small.
_DECIMALS = 6


class MonitorHistory(BaseModel):
    """One monitor's days."""

    id: int
    known_since: AwareDatetime | None = Field(
        description="Start of the time for which uptime is known; null if nothing is known."
    )
    uptime: dict[Window, float | None] = Field(
        description="Uptime from 0 to 1, as a share of the time for which it is known; null if "
        "nothing is known.",
        examples=[{"24h": 1, "7d": 0.9998, "30d": 0.9998, "90d": None}],
    )
    days: list[float | None] = Field(
        description="Uptime of each of 90 days in UTC, oldest first, today last.",
        examples=[[None, 1, 0.98]],
    )


class History(BaseModel):
    """The days of monitors, in the order in which the monitors were requested."""

    today: date
    items: list[MonitorHistory]


def _ratios(unit: str) -> str:
    """Return the SQL columns of the windows that consist of hours or of days."""
    ratio = "CAST(sum(up_ms) {only} AS float) / nullif(sum(up_ms + down_ms) {only}, 0)"
    columns = []
    for name, (made_of, length) in WINDOWS.items():
        if made_of == unit:
            only = (
                f"FILTER (WHERE at >= date_trunc('{unit}', now(), 'UTC')"
                f" - make_interval({unit}s => {length}))"
            )
            columns.append(f'{ratio.format(only=only)} AS "{name}"')
    return ", ".join(columns)


def _sums(unit: str) -> str:
    """Return the query of up and down by hour or day, including the open hour from `states`."""
    longest = max(length for made_of, length in WINDOWS.values() if made_of == unit)
    table = {"hour": "hourly_stats", "day": "daily_stats"}[unit]
    return f"""
        SELECT monitor_id, at, CAST(sum(up_ms) AS bigint) AS up_ms,
            CAST(sum(down_ms) AS bigint) AS down_ms
        FROM (
            SELECT monitor_id, {unit} AS at, up_ms, down_ms FROM {table}
            WHERE monitor_id = ANY(CAST(:ids AS int[])) AND {unit} >=
                date_trunc('{unit}', now(), 'UTC') - make_interval({unit}s => {longest})
            UNION ALL
            SELECT monitor_id, date_trunc('{unit}', hour, 'UTC'), hour_up_ms, hour_down_ms
            FROM states WHERE monitor_id = ANY(CAST(:ids AS int[]))
        ) s
        GROUP BY monitor_id, at
    """  # noqa: S608  (constants)


# It is known since the first day with data, or since it was added, if that was on that day.
_HISTORY = text(f"""
    WITH hours AS (
        SELECT monitor_id, {_ratios("hour")} FROM ({_sums("hour")}) h GROUP BY monitor_id
    ), days AS (
        SELECT monitor_id, {_ratios("day")},
            array_agg(CAST(extract(day FROM date_trunc('day', now(), 'UTC') - at) AS int)) AS agos,
            array_agg(CAST(up_ms AS float) / nullif(up_ms + down_ms, 0)) AS shares
        FROM ({_sums("day")}) d GROUP BY monitor_id
    ), known AS (
        SELECT s.monitor_id, least(
            CASE WHEN s.hour_up_ms + s.hour_down_ms > 0 THEN s.hour END,
            (SELECT day FROM daily_stats d
             WHERE d.monitor_id = s.monitor_id AND d.up_ms + d.down_ms > 0 ORDER BY day LIMIT 1)
        ) AS begin
        FROM states s WHERE s.monitor_id = ANY(CAST(:ids AS int[]))
    )
    SELECT t.today, m.id, h.*, d.*,
        CASE WHEN m.created_at BETWEEN k.begin AND k.begin + interval '1 day' THEN m.created_at
            ELSE k.begin END AS known_since
    FROM (SELECT CAST(now() AT TIME ZONE 'UTC' AS date) AS today) t
    LEFT JOIN monitors m ON m.id = ANY(CAST(:ids AS int[]))
    LEFT JOIN hours h ON h.monitor_id = m.id
    LEFT JOIN days d ON d.monitor_id = m.id
    LEFT JOIN known k ON k.monitor_id = m.id
""")  # noqa: S608  (constants)


async def history(session: AsyncSession, ids: Sequence[int]) -> History:
    """Return the days of these monitors; ids that do not exist are left out."""
    wanted = list(dict.fromkeys(number for number in ids if 0 < number <= MAX_ID))
    rows = (await session.execute(_HISTORY, {"ids": wanted})).mappings().all()
    found = {row["id"]: row for row in rows}
    items = [
        MonitorHistory(
            id=number,
            known_since=found[number]["known_since"],
            uptime={name: found[number][name] for name in WINDOWS},
            days=_days(found[number]["agos"] or [], found[number]["shares"] or []),
        )
        for number in wanted
        if number in found
    ]
    return History(today=rows[0]["today"], items=items)


def _days(agos: Sequence[int], shares: Sequence[float | None]) -> list[float | None]:
    days: list[float | None] = [None] * DAYS
    for ago, share in zip(agos, shares, strict=True):
        # Leave out the ninetieth day before today, and future days caused by a wrong clock.
        if 0 <= ago < DAYS and share is not None:
            days[DAYS - 1 - ago] = round(share, _DECIMALS)
    return days
