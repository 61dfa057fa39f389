"""The Atom feed, as a feed reader gets it."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.integration.checks.support import add, execute, now
from tests.integration.maintenance.support import once, period, plan

ATOM = "{http://www.w3.org/2005/Atom}"
MINUTE = timedelta(minutes=1)


def read(client: TestClient, query: str = "", **headers: str) -> ET.Element:
    """Return the feed, after checking what RFC 4287 requires."""
    answer = client.get(f"/feed.atom{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/atom+xml"
    root = ET.fromstring(answer.content)  # noqa: S314  (made here)
    assert root.tag == f"{ATOM}feed"
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    for element in [root, *root.iter(f"{ATOM}entry")]:
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1
        assert element.findtext(f"{ATOM}id", "").startswith("urn:uuid:")
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated", "")).tzinfo
        [link] = element.findall(f"{ATOM}link[@rel='alternate']")
        assert link.get("href", "").startswith("http")
    return root


def entries(root: ET.Element, name: str) -> list[str]:
    return [entry.findtext(f"{ATOM}{name}", "") for entry in root.iter(f"{ATOM}entry")]


def incident(
    database_url: str, monitor: int, opened: datetime, closed: datetime | None, cause: str = "503"
) -> None:
    end = f"'{closed}'" if closed else "NULL"
    cause = cause.replace("'", "''")
    execute(
        database_url,
        "INSERT INTO incidents (monitor_id, opened_at, closed_at, cause) "
        f"VALUES ({monitor}, '{opened}', {end}, '{cause}')",
    )


def test_incidents_are_entries_when_they_open_and_when_they_close(
    client: TestClient, database_url: str
) -> None:
    shop, mail = add(client, name="Shop"), add(client, name="Mail")
    end = now(database_url).replace(microsecond=0)
    incident(database_url, shop, end - 200 * MINUTE, end - 3 * MINUTE, "status 503")
    incident(database_url, mail, end - 10 * MINUTE, None, "refused")

    root = read(client)

    assert entries(root, "title") == [
        "Shop: incident closed after 3 h 17 min",
        "Mail is down",
        "Shop is down",
    ]
    assert entries(root, "summary") == ["It was: status 503", "refused", "status 503"]
    assert datetime.fromisoformat(root.findtext(f"{ATOM}updated", "")) == end - 3 * MINUTE
    of_mail = read(client, f"?monitor_id={mail}")
    assert of_mail.findtext(f"{ATOM}title") == "Stagewatch: incidents and maintenance of Mail"
    assert entries(of_mail, "id") == entries(root, "id")[1:2]


def test_identifiers_are_unique_and_stay_when_name_and_address_change(
    client: TestClient, settings: Settings, database_url: str
) -> None:
    shop = add(client, name="Shop")
    end = now(database_url)
    incident(database_url, shop, end - 9 * MINUTE, end - 8 * MINUTE)
    incident(database_url, shop, end - 7 * MINUTE, None)
    before = read(client)

    execute(database_url, "UPDATE monitors SET name = 'Store'")
    public = settings.model_copy(update={"public_url": "https://status.example.com/x"})
    with TestClient(create_app(public)) as elsewhere:
        after = read(elsewhere, Host="127.0.0.1:9")
        cache_control = elsewhere.get("/feed.atom").headers["Cache-Control"]

    found = entries(before, "id")
    assert len(set(found)) == 3
    assert entries(after, "id") == found
    assert after.findtext(f"{ATOM}id") == before.findtext(f"{ATOM}id")
    links = [link.get("href") for link in after.iter(f"{ATOM}link")]
    base = "https://status.example.com/x"
    assert links == [f"{base}/feed.atom", f"{base}/", *[f"{base}/#monitor-{shop}"] * 3]
    assert cache_control == "public, max-age=30"


def test_without_a_public_url_links_use_the_requested_host(client: TestClient) -> None:
    add(client)

    root = read(client, Host="127.0.0.1:8080")

    [own] = root.findall(f"{ATOM}link[@rel='self']")
    assert own.get("href") == "http://127.0.0.1:8080/feed.atom"
    # Shared caches may not store it.
    assert client.get("/feed.atom").headers["Cache-Control"] == "private, max-age=30"


NASTY = "</title><script>alert(1)</script>&amp;]]>\"'\x01\x1b\x7f\ufffe 語😀"
SHOWN = NASTY.replace("\x01", "").replace("\x1b", "").replace("\ufffe", "")


def test_markup_from_users_and_targets_is_escaped(client: TestClient, database_url: str) -> None:
    shop = add(client)
    name = NASTY.replace("'", "''")
    # Rows written by a version with other rules.
    execute(database_url, f"UPDATE monitors SET name = '{name}'")
    incident(database_url, shop, now(database_url), None, NASTY)

    root = read(client, f"?monitor_id={shop}")

    assert entries(root, "title") == [f"{SHOWN} is down"]
    assert entries(root, "summary") == [SHOWN]
    assert root.findtext(f"{ATOM}title") == f"Stagewatch: incidents and maintenance of {SHOWN}"
    assert not [element for element in root.iter() if "script" in element.tag]


def test_the_feed_has_the_latest_fifty_entries_by_their_last_change(
    client: TestClient, database_url: str
) -> None:
    shop, mail = add(client, name="Shop"), add(client, name="Mail")
    end = now(database_url)
    incident(database_url, mail, end - 9000 * MINUTE, end)
    for ago in range(60, 0, -1):
        incident(database_url, shop, end - ago * 10 * MINUTE, end - (ago * 10 - 5) * MINUTE)

    root = read(client)

    assert len(entries(root, "title")) == 50
    assert entries(root, "title")[0].startswith("Mail: incident closed after 6 d")
    assert entries(root, "updated") == sorted(entries(root, "updated"), reverse=True)
    assert len(entries(read(client, f"?monitor_id={mail}"), "title")) == 2


def test_without_incidents_it_is_a_feed_without_entries(client: TestClient) -> None:
    assert entries(read(client), "title") == []


def test_a_client_with_a_current_copy_gets_304(client: TestClient, database_url: str) -> None:
    shop = add(client)
    end = now(database_url)
    incident(database_url, shop, end, None)
    answer = client.get("/feed.atom")

    again = client.get("/feed.atom", headers={"If-None-Match": answer.headers["ETag"]})

    assert again.status_code == 304
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == end.replace(microsecond=0)


@pytest.mark.parametrize(("monitor_id", "status"), [("999", 404), ("0", 422), ("a", 422)])
def test_the_feed_of_an_unknown_monitor_is_refused(
    client: TestClient, monitor_id: str, status: int
) -> None:
    assert client.get(f"/feed.atom?monitor_id={monitor_id}").status_code == status


def test_a_window_is_in_the_feed_once_planned_or_once_it_begins_if_it_recurs(
    client: TestClient, database_url: str
) -> None:
    add(client, name="Shop", tags=["eu"])
    mail = add(client, name="Mail")
    moment = now(database_url).replace(microsecond=0)
    recurrence = {"frequency": "daily", "start_time": "02:30", "duration_minutes": 60}
    plan(
        client,
        {"name": "Updates", "all": True, "recurrence": recurrence | {"time_zone": "UTC"}},
    )
    period(database_url, moment - 90 * MINUTE, moment - 30 * MINUTE, tags="eu")
    plan(client, once(database_url, 60, 90, name="New <switches>"))
    execute(
        database_url, "DELETE FROM maintenance_periods WHERE window_id = 1 AND now() >= starts_at"
    )
    execute(database_url, "UPDATE maintenance_windows SET created_at = now() WHERE id = 2")

    root = read(client)

    assert entries(root, "title") == ["Maintenance: New <switches>", "Maintenance: Work"]
    begin, end = (moment - minutes * MINUTE for minutes in (90, 30))
    assert entries(root, "summary")[1] == f"From {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    assert entries(read(client, f"?monitor_id={mail}"), "id") == entries(root, "id")[:1]
