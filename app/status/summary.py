"""The state of all monitors, in one answer.

PostgreSQL writes its JSON, in parts that the event loop only passes on: to make objects of 50,000
rows and text of those would hold up every other client for a third of a second.
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.uptime import RATIOS_OF_A_DAY
from app.fields import Milliseconds
from app.incidents.public import PUBLIC_CAUSE
from app.incidents.schemas import IncidentOut
from app.locations.figures import by_location, unseen
from app.locations.schemas import LocationFigures
from app.maintenance.coverage import IS_FOR
from app.monitors.output import StateName

_FIGURES = TypeAdapter(list[LocationFigures])

# Rows in one part: 100 to 200 kB, about as much as is read from a connection at a time.
PART = 500
# Periods of maintenance windows that a summary names, and monitors of one of them.
MOST_PERIODS = 50
MOST_MONITORS = 100


class MonitorSummary(BaseModel):
    """One monitor at a glance."""

    id: int
    name: str
    kind: str
    state: StateName
    since: AwareDatetime = Field(description="When it came into this state.")
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    uptime: float | None = Field(
        description="Share of the last 24 hours in which it was up, 0 to 1, of the time in which "
        "that is known; null where nothing is known."
    )
    group: str | None
    tags: list[str]


class MaintenanceSummary(BaseModel):
    """One time that a maintenance window lasts, which runs or begins in the next seven days."""

    id: int
    name: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    monitors: list[int] = Field(description="Up to 100 of them.")
    monitor_count: int


OverallState = Literal["pending", "up", "maintenance", "down"]


class Summary(BaseModel):
    """All monitors; `state` is that of the worst: down, in maintenance, up.

    Pending: nothing has been checked yet.
    """

    state: OverallState
    monitors: list[MonitorSummary]
    incidents: list[IncidentOut] = Field(description="Those that are open, newest first.")
    maintenance: list[MaintenanceSummary] = Field(
        description="What runs and what is to come in seven days, the earliest first; up to 50."
    )
    overdue: int = Field(
        description="Monitors that should have been checked over a minute ago. Not 0: no worker "
        "checks, or too few do, and the states are old."
    )
    locations: list[LocationFigures] = Field(description="From where monitors are checked.")


def _utc(moment: str) -> str:
    """Return the SQL of a time as Pydantic writes it, whatever the server's time zone is."""
    return f"""to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# Both write what the models above say; a test reads it with them.
_MONITORS = text(f"""
    WITH ratios AS ({RATIOS_OF_A_DAY}), lines AS (
        SELECT row_number() OVER (ORDER BY m.name, m.id) - 1 AS place, s.state,
            row_to_json((SELECT line FROM (SELECT
                m.id, m.name, m.kind, s.state, {_utc("s.since")} AS since,
                trim_scale(round(CAST(CAST(s.latency_ms AS float) AS numeric), 3)) AS latency_ms,
                r.ratio AS uptime, m.group_name AS "group", m.tags
            ) AS line)) AS line
        FROM monitors m JOIN states s ON s.monitor_id = m.id LEFT JOIN ratios r USING (monitor_id)
    )
    SELECT convert_to(string_agg(CAST(line AS text), ',' ORDER BY place), 'UTF8') AS part,
        bool_or(state = 'down') AS down, bool_or(state = 'up') AS up,
        bool_or(state = 'maintenance') AS maintenance
    FROM lines GROUP BY place / {PART} ORDER BY place / {PART}
""")  # noqa: S608  (constants)

_LINES = """
    WITH lines AS (
        SELECT row_number() OVER (ORDER BY i.id DESC) - 1 AS place,
            row_to_json((SELECT line FROM (SELECT
                i.id, i.monitor_id, m.name AS monitor_name, {opened_at} AS opened_at,
                {closed_at} AS closed_at, {cause} AS cause,
                {acknowledged_at} AS acknowledged_at, {acknowledged_by} AS acknowledged_by
            ) AS line)) AS line
        FROM incidents i JOIN monitors m ON m.id = i.monitor_id
        WHERE i.closed_at IS NULL
    )
    SELECT convert_to(string_agg(CAST(line AS text), ',' ORDER BY place), 'UTF8') AS part
    FROM lines GROUP BY place / {part} ORDER BY place / {part}
"""
_TIMES = {name: _utc(f"i.{name}") for name in ("opened_at", "closed_at", "acknowledged_at")}
_INCIDENTS = text(
    _LINES.format(cause="i.cause", acknowledged_by="i.acknowledged_by", part=PART, **_TIMES)
)
_PUBLIC_INCIDENTS = text(
    _LINES.format(cause=PUBLIC_CAUSE, acknowledged_by="CAST(NULL AS text)", part=PART, **_TIMES)
)

# The monitors of a window are looked for once, however often it comes. One that is for none of them
# is nobody's business.
_MAINTENANCE = text(f"""
    WITH periods AS (
        SELECT window_id, starts_at, ends_at FROM maintenance_periods
        WHERE tstzrange(starts_at, ends_at) && tstzrange(now(), now() + interval '7 days')
    ), concerned AS (
        SELECT w.id, w.name, count(m.id) AS count,
            coalesce((array_agg(m.id ORDER BY m.id))[1 : {MOST_MONITORS}], '{{}}') AS monitors
        FROM maintenance_windows w JOIN monitors m ON {IS_FOR}
        WHERE w.id IN (SELECT window_id FROM periods)
        GROUP BY w.id
    ), lines AS (
        SELECT row_number() OVER (ORDER BY p.starts_at, c.id) - 1 AS place,
            row_to_json((SELECT line FROM (SELECT
                c.id, c.name, {_utc("p.starts_at")} AS starts_at, {_utc("p.ends_at")} AS ends_at,
                c.monitors, c.count AS monitor_count
            ) AS line)) AS line
        FROM periods p JOIN concerned c ON c.id = p.window_id
    )
    SELECT convert_to(string_agg(CAST(line AS text), ',' ORDER BY place), 'UTF8') AS part
    FROM lines WHERE place < {MOST_PERIODS} HAVING count(*) > 0
""")  # noqa: S608  (constants)

# A check is claimed before its moment. By the schedule, which a worker that is gone can't write.
_OVERDUE = text("SELECT count(*) FROM schedule WHERE claimable_at < now() - interval '1 minute'")


async def summarize(session: AsyncSession, *, public: bool = False) -> list[bytes]:
    """Return the present `Summary` as JSON, in parts. It must be the transaction's first.

    `public`: only with what anybody may know.
    """
    # One moment for both queries: an incident without its outage would be wrong.
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    monitors = (await session.execute(_MONITORS)).all()
    incidents = (await session.scalars(_PUBLIC_INCIDENTS if public else _INCIDENTS)).all()
    maintenance = (await session.scalars(_MAINTENANCE)).all()
    overdue = int(await session.scalar(_OVERDUE) or 0)
    locations = await by_location(session)
    if locations:
        overdue += await unseen(session)
    state = overall(
        down=any(row.down for row in monitors),
        up=any(row.up for row in monitors),
        maintenance=any(row.maintenance for row in monitors),
    )
    parts = [b'{"state":"%s","monitors":[' % state.encode()]
    parts += _separated([row.part for row in monitors])
    parts.append(b'],"incidents":[')
    parts += _separated(list(incidents))
    parts.append(b'],"maintenance":[')
    parts += maintenance
    parts.append(b'],"overdue":%d,"locations":' % overdue)
    parts += [_FIGURES.dump_json(locations), b"}"]
    return parts


def overall(*, down: bool, up: bool, maintenance: bool) -> OverallState:
    """Return the state of all monitors together, of which some are down, up or in maintenance."""
    if down:
        return "down"
    if maintenance:
        return "maintenance"
    return "up" if up else "pending"


def _separated(parts: list[bytes]) -> list[bytes]:
    return [piece for part in parts for piece in (b",", part)][1:]
