"""Any configuration, exported and applied elsewhere, stays the same."""

import asyncio
import secrets
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.models import Channel
from app.channels.sealing import Sealer
from app.config_file.applying import apply
from app.config_file.document import read_document
from app.config_file.export import export
from app.config_file.stored import load
from app.config_file.writing import write_yaml
from app.database import Database
from app.maintenance.models import MaintenanceWindow
from app.monitors.models import Monitor
from app.settings import Settings

SEALER = Sealer([secrets.token_urlsafe(32) + "="])

# Any text that a field takes, and one that a line takes.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
LETTERS = st.characters(categories=["L", "N", "P", "S", "Zs"])
LINES = st.text(LETTERS, min_size=1, max_size=30).filter(str.strip)
LABELS = LINES.map(str.strip)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "X-Token", "on", "Null", "404", "user-agent"]),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20).filter(
        lambda value: value != "***"
    ),
)
URLS = st.builds("https://example.com/{}".format, st.text(LETTERS, max_size=20)).filter(
    lambda url: not any(character.isspace() or character in "#\\@" for character in url)
)


def fields(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"name": LINES, **required}, optional=optional)


def monitors(channels: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    common = {
        "group": LABELS,
        "tags": st.lists(LABELS, max_size=3, unique=True),
        "channels": st.lists(st.sampled_from(channels), unique=True) if channels else st.just([]),
        "paused": st.just(True),
    }
    probed = common | {
        "interval_seconds": st.integers(5, 86400),
        "timeout_seconds": st.floats(0.1, 5),
        "confirmations": st.integers(1, 10),
    }
    http = {
        "method": st.sampled_from(["GET", "HEAD", "POST"]),
        "headers": HEADERS,
        "body": TEXTS,
        "accepted_status_codes": st.lists(
            st.integers(100, 599) | st.just("200-299"), min_size=1, max_size=3
        ),
        "keyword": TEXTS.filter(bool),
        "json_path": st.just("$.status"),
        "json_value": TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-9, 9),
        "follow_redirects": st.booleans(),
        "certificate_days": st.integers(1, 3650),
    }
    return st.lists(
        fields({"kind": st.just("http"), "url": URLS}, probed | http)
        | fields(
            {"kind": st.just("tcp"), "host": st.just("a.example"), "port": st.integers(1, 65535)},
            probed,
        )
        | fields(
            {"kind": st.just("dns"), "hostname": st.just("example.com")},
            probed | {"record_type": st.sampled_from(["A", "MX"]), "expected": LINES},
        )
        | fields(
            {"kind": st.just("heartbeat"), "period_seconds": st.integers(5, 86400)},
            common | {"grace_seconds": st.integers(0, 86400)},
        ),
        max_size=5,
        unique_by=lambda monitor: monitor["name"],
    )


CHANNELS = st.lists(
    fields(
        {"kind": st.just("webhook"), "url": URLS},
        {"secret": st.just("a-secret-of-at-least-16: 'x' #")},
    )
    | fields({"kind": st.just("apprise"), "url": st.just("json://user:pa%23ss@example.com/x")}, {}),
    max_size=3,
    unique_by=lambda channel: channel["name"],
)


def windows(names: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    once = st.just({"starts_at": "2099-12-05T22:00:00Z", "ends_at": "2099-12-06T01:00:00+01:00"})
    again = st.builds(
        lambda minutes, until: {
            "recurrence": {
                "frequency": "daily",
                "start_time": "02:30",
                "duration_minutes": minutes,
                "time_zone": "Europe/Berlin",
                "until": until,
            }
        },
        st.integers(1, 1440),
        st.none() | st.just("2099-12-05"),
    )
    some = st.lists(LABELS, min_size=1, max_size=3, unique=True)
    which: st.SearchStrategy[dict[str, Any]] = some.map(lambda tags: {"tags": tags}) | some.map(
        lambda groups: {"groups": groups}
    )
    which |= st.just({"all": True})
    if names:
        of_these = st.lists(st.sampled_from(names), min_size=1, unique=True)
        which |= of_these.map(lambda monitors: {"monitors": monitors})
    return st.lists(
        st.builds(
            lambda name, *parts: {"name": name} | parts[0] | parts[1], LINES, which, once | again
        ),
        max_size=3,
        unique_by=lambda window: str(window["name"]),
    )


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Return the values of a file: channels, monitors that name them, windows that name these."""
    channels = draw(CHANNELS)
    watched = draw(monitors([channel["name"] for channel in channels]))
    planned = draw(windows([monitor["name"] for monitor in watched]))
    return {"version": 1, "channels": channels, "monitors": watched, "maintenance": planned}


async def exported(session: AsyncSession, file: str) -> str:
    """Apply a file to an empty database, return the export, and empty the database again."""
    document = read_document(file.encode())
    await apply(session, document, SEALER, prune=False)
    # Read as by another process.
    session.expunge_all()
    stored = await load(session, SEALER)
    assert (await apply(session, document, SEALER, prune=True)).changes == []
    text = export(stored, secrets=True)
    hidden = read_document(export(stored).encode())
    assert (await apply(session, hidden, SEALER, prune=True)).changes == []
    await session.rollback()
    for model in (Monitor, Channel, MaintenanceWindow):
        assert await session.get(model, 1) is None
    return text


@examples(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files())
def test_an_export_that_is_applied_is_exported_the_same(
    settings: Settings, file: dict[str, Any]
) -> None:
    async def run() -> None:
        database = Database(settings.database_url)
        try:
            async with database.transaction() as session:
                first = await exported(session, write_yaml(file))
                assert await exported(session, first) == first
        finally:
            await database.close()
        written, read = read_document(write_yaml(file).encode()), read_document(first.encode())
        for window, same in zip(written.windows or (), read.windows or (), strict=True):
            assert window.config == same.config
        for one, other in zip(written.monitors or (), read.monitors or (), strict=True):
            assert one.config == other.config
            assert one.extra.channels == other.extra.channels or (
                sorted(one.extra.channels or ()) == other.extra.channels
            )

    asyncio.run(run())
