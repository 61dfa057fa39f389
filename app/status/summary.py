"""The state of all monitors, in one answer.

PostgreSQL writes the JSON, in parts that the event loop only passes on: building objects from
50,000 rows and serialising them would block every other client for a third of a second.
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.uptime import RATIOS_OF_A_DAY
from app.fields import Milliseconds
from app.incidents.public import PUBLIC_CAUSE
from app.incidents.schemas import IncidentOut
from app.locations.figures import by_location, overdue
from app.locations.schemas import LocationFigures
from app.maintenance.coverage import IS_FOR
from app.monitors.output import StateName

_FIGURES = TypeAdapter(list[LocationFigures])

# Rows per part: 100 to 200 kB, about as much as one read from a connection returns.
PART = 500
# Maintenance periods listed in a summary, and monitors listed for each.
PERIODS_LIMIT = 50
MONITORS_LIMIT = 100


class MonitorSummary(BaseModel):
    """One monitor at a glance."""

    id: int
    name: str
    kind: str
    state: StateName
    since: AwareDatetime = Field(description="When it entered this state.")
    latency_ms: Milliseconds | None = Field(description="How long its last check took.")
    uptime: float | None = Field(
        description="Uptime of the last 24 hours from 0 to 1, as a share of the time for which it "
        "is known; null if nothing is known."
    )
    group: str | None
    tags: list[str]


class MaintenanceSummary(BaseModel):
    """One occurrence of a maintenance window, in progress or beginning in the next seven days."""

    id: int
    name: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    monitors: list[int] = Field(description="At most 100 ids.")
    monitor_count: int


OverallState = Literal["pending", "up", "maintenance", "down"]


class Summary(BaseModel):
    """All monitors; `state` is the worst of them: down, maintenance, up.

    Pending means that nothing has been checked yet.
    """

    state: OverallState
    monitors: list[MonitorSummary]
    incidents: list[IncidentOut] = Field(description="Open incidents, newest first.")
    maintenance: list[MaintenanceSummary] = Field(
        description="In progress or beginning within seven days, earliest first; up to 50."
    )
    overdue: int = Field(
        description="Monitors whose result is more than a minute late. If not 0, no or too few "
        "workers are checking, or results can't be stored, and the states are outdated."
    )
    locations: list[LocationFigures] = Field(description="Locations that checks are made from.")


def _utc(moment: str) -> str:
    """Return SQL for a time in Pydantic's format, regardless of the server's time zone."""
    return f"""to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# Both write JSON that follows the models above; a test parses it with them.
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

# The monitors of a window are searched once, however often it recurs. A window that applies to none
# of the monitors is left out.
_MAINTENANCE = text(f"""
    WITH periods AS (
        SELECT window_id, starts_at, ends_at FROM maintenance_periods
        WHERE tstzrange(starts_at, ends_at) && tstzrange(now(), now() + interval '7 days')
    ), concerned AS (
        SELECT w.id, w.name, count(m.id) AS count,
            coalesce((array_agg(m.id ORDER BY m.id))[1 : {MONITORS_LIMIT}], '{{}}') AS monitors
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
    FROM lines WHERE place < {PERIODS_LIMIT} HAVING count(*) > 0
""")  # noqa: S608  (constants)


async def summarize(session: AsyncSession, *, public: bool = False) -> list[bytes]:
    """Return the current `Summary` as JSON, in parts. Must be the transaction's first statement.

    `public`: only what anybody may know is included.
    """
    # One snapshot for both queries: an incident without its outage would be wrong.
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    monitors = (await session.execute(_MONITORS)).all()
    incidents = (await session.scalars(_PUBLIC_INCIDENTS if public else _INCIDENTS)).all()
    maintenance = (await session.scalars(_MAINTENANCE)).all()
    late = await overdue(session)
    locations = await by_location(session)
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
    parts.append(b'],"overdue":%d,"locations":' % late)
    parts += [_FIGURES.dump_json(locations), b"}"]
    return parts


def overall(*, down: bool, up: bool, maintenance: bool) -> OverallState:
    """Return the overall state, given whether any monitors are down, up or in maintenance."""
    if down:
        return "down"
    if maintenance:
        return "maintenance"
    return "up" if up else "pending"


def _separated(parts: list[bytes]) -> list[bytes]:
    return [piece for part in parts for piece in (b",", part)][1:]
