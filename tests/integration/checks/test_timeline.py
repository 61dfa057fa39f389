"""The timeline of an outage, however long it was."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.checks.timeline import checks_around, phases
from app.incidents.models import Incident
from app.probing.result import Result, Timings
from app.settings import Settings
from tests.integration.checks.support import add, claimed, completed, in_transaction, recorded, row
from tests.integration.notifications.conftest import add_channel
from tests.services import query

SLOW = Result(
    False, 900.0, Timings(1.0, 2.0, None, 890.0, 900.0), 503, "status 503 (accepted: 200-299)"
)
QUICK = Result(True, 30.0, Timings(1.0, 2.0, 7.0, 20.0, 30.0), 200)


def timeline(client: TestClient, incident: int = 1) -> dict[str, Any]:
    answer = client.get(f"/api/incidents/{incident}/timeline")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def results(settings: Settings, database_url: str, *outcomes: Result) -> None:
    """Record these results in order, 5 s apart, the last one now."""
    for place, outcome in enumerate(outcomes, 1 - len(outcomes)):
        query(
            database_url,
            f"UPDATE schedule SET due_at = now() + interval '{5 * place} s', lease = NULL,"
            f" claimable_at = now() + interval '{5 * place} s'",
        )
        [claim] = claimed(settings)
        recorded(settings, completed(claim, outcome))


def test_a_timeline_shows_the_failures_the_checks_around_them_and_the_time_per_phase(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add_channel(client, "https://example.com/hook", name="On call")
    add(client, confirmations=2, interval_seconds=5)

    results(settings, database_url, QUICK, QUICK, SLOW, SLOW, SLOW, QUICK, QUICK)

    told = timeline(client)
    assert told["incident"] == client.get("/api/incidents/1").json()
    assert told["incident"]["closed_at"] is not None
    assert [check["ok"] for check in told["checks"]] == [True, True, *[False] * 3, True, True]
    assert told["checks"] == client.get("/api/monitors/1/checks").json()["items"][::-1]
    assert told["phases"] == {
        "during": {"dns_ms": 1, "connect_ms": 2, "tls_ms": None, "first_byte_ms": 890,
                   "total_ms": 900, "count": 3},
        "hour_before": {"dns_ms": 1, "connect_ms": 2, "tls_ms": 7, "first_byte_ms": 20,
                        "total_ms": 30, "count": 2},
    }  # fmt: skip  # one a line would be longer, not clearer
    events = [(item["event"], item["channel_name"]) for item in told["notifications"]]
    assert events == [("incident.opened", "On call"), ("incident.closed", "On call")]
    assert {item["state"] for item in told["notifications"]} <= {"pending", "superseded"}
    assert {"attempts", "sent_at", "error", "answer", "id"} <= told["notifications"][0].keys()


def test_an_open_incident_of_a_monitor_that_was_never_up_has_no_earlier_figures(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    add(client, confirmations=1, interval_seconds=5)

    results(settings, database_url, SLOW)

    told = timeline(client)
    assert (told["incident"]["closed_at"], told["notifications"]) == (None, [])
    assert [check["ok"] for check in told["checks"]] == [False]
    assert told["phases"]["hour_before"] == {
        "dns_ms": None, "connect_ms": None, "tls_ms": None, "first_byte_ms": None,
        "total_ms": None, "count": 0,
    }  # fmt: skip  # one a line would be longer, not clearer


def fill(database_url: str, hours: int) -> None:
    """Store an outage of so many hours with an hour around it, checked every 5 s, all of it over.

    It is stored for eight monitors.
    """
    query(
        database_url,
        f"""
        WITH added AS (
            INSERT INTO monitors (name, kind, spec, interval_seconds, timeout_seconds,
                                  confirmations)
            SELECT 'Site', 'tcp', '{{}}', 5, 5, 1 FROM generate_series(1, 8) RETURNING id
        ), times AS (
            SELECT now() - interval '{hours + 2} hours' AS begin,
                now() - interval '{hours + 1} hours' AS opened, now() - interval '1 hour' AS closed
        ), outages AS (
            INSERT INTO incidents (monitor_id, opened_at, closed_at, cause)
            SELECT id, opened, closed, 'refused' FROM added, times
        )
        INSERT INTO checks (monitor_id, scheduled_at, checked_at, ok, latency_ms)
        SELECT id, at, at, at < opened OR at >= closed, extract(epoch FROM at - begin)
        FROM added, times, generate_series(begin, now(), interval '5 s') AS at
        """,
    )
    query(database_url, "ANALYZE checks")


def test_the_rows_read_for_a_timeline_do_not_grow_with_the_outage(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    fill(database_url, 10)

    async def work(session: AsyncSession) -> int:
        incident = await session.get_one(Incident, 7)
        await checks_around(session, incident)
        await phases(session, incident)
        read = text("""
            SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_xact_user_tables
            WHERE relname LIKE 'checks%'
        """)
        return int(await session.scalar(read) or 0)

    # The sample, the hour before it, and the list; it had 7,200 checks, and there are 70,000.
    assert in_transaction(settings, work) <= 1000 + 720 + 100
    told = timeline(client, 7)
    assert len(told["checks"]) == 50
    assert [told["phases"][part]["count"] for part in ("during", "hour_before")] == [1000, 719]


def test_of_a_long_outage_the_beginning_and_the_end_are_shown(
    client: TestClient, database_url: str
) -> None:
    fill(database_url, 2)

    checks = timeline(client)["checks"]

    times = [check["checked_at"] for check in checks]
    assert times == sorted(times)
    assert [check["ok"] for check in checks] == [True] * 14 + [False] * 30 + [True] * 6
    [incident] = query(database_url, "SELECT * FROM incidents WHERE id = 1")
    length = row(database_url, "SELECT max(scheduled_at) - min(scheduled_at) AS l FROM checks")["l"]
    assert length > timedelta(hours=3)
    assert incident["opened_at"].isoformat()[:19] == checks[14]["checked_at"][:19]
    assert incident["closed_at"].isoformat()[:19] == checks[44]["checked_at"][:19]


@pytest.mark.parametrize("number", ["0", "-1", "4711", "2147483648"])
@pytest.mark.parametrize("path", ["", "/timeline"])
def test_an_unknown_incident_is_answered_with_404(
    client: TestClient, number: str, path: str
) -> None:
    assert client.get(f"/api/incidents/{number}{path}").status_code == 404
