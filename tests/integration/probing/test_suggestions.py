"""Monitors suggested from what a user types, with real servers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.errors import InvalidFieldError
from app.main import create_app
from app.monitors import typed
from app.monitors.schemas import MONITOR_IN
from app.monitors.suggestion import Suggestion, suggest
from app.settings import Settings
from tests.integration.probing.conftest import Session
from tests.nameserver import NameServer
from tests.targets import Targets

Suggest = Callable[[str], Suggestion]


@pytest.fixture
def suggested(session: Session) -> Suggest:
    def run(text: str) -> Suggestion:
        suggestion: Suggestion = session.runner.run(suggest(session.prober, text))
        MONITOR_IN.validate_python(suggestion.draft)
        return suggestion

    return run


@pytest.fixture
def client(settings: Settings, names: NameServer) -> Iterator[TestClient]:
    """Answer by the tests' own name server."""
    settings = settings.model_copy(update={"nameservers": (names.address,)})
    with TestClient(create_app(settings)) as client:
        yield client


def test_a_page_is_named_by_its_title_which_it_must_contain(
    suggested: Suggest, targets: Targets
) -> None:
    url = targets.url("/page", tls="good")

    draft, result, notes = suggested(url)

    assert draft == {"name": "All is well", "kind": "http", "url": url}
    assert result.ok
    assert result.timings.tls_ms is not None
    assert notes == ["The certificate expires in 10 days."]


def test_a_title_that_occurs_verbatim_in_the_page_becomes_the_keyword(
    suggested: Suggest, targets: Targets
) -> None:
    draft, result, notes = suggested(targets.url("/page-plain"))

    assert draft["name"] == draft["keyword"] == "All is well"
    assert (result.ok, notes) == (True, ["The page must contain “All is well”."])


def test_without_a_scheme_https_is_tried_and_then_http(
    suggested: Suggest, targets: Targets
) -> None:
    draft, result, notes = suggested(f"good.test:{targets.ports['http']}/page-plain")

    assert draft["url"] == targets.url("/page-plain", host="good.test")
    assert result.ok
    assert notes[0].startswith("https does not work there: timed out after 5 s")


def test_without_a_scheme_https_is_taken_where_it_works(
    suggested: Suggest, targets: Targets
) -> None:
    draft, _, _ = suggested(f"good.test:{targets.ports['good']}/page")

    assert draft["url"] == targets.url("/page", tls="good", host="good.test")


def test_a_title_is_read_and_found_in_the_encoding_of_its_page(
    suggested: Suggest, targets: Targets
) -> None:
    draft, result, _ = suggested(targets.url("/page-latin-1"))

    assert (draft["name"], draft["keyword"], result.ok) == ("Schön", "Schön", True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/page-dated", "Today is November 25"),
        ("/page-entities", "Salt & Pepper"),
        ("/page-untitled", None),
        ("/page-titles", None),
        ("/ok", None),
        ("/long", None),
        ("/nul-in-body", None),
        ("/invalid-utf-8", None),
    ],
)
def test_volatile_or_non_text_content_does_not_become_a_keyword(
    suggested: Suggest, targets: Targets, path: str, name: str | None
) -> None:
    draft, result, _ = suggested(targets.url(path))

    assert draft == {
        "name": name or f"127.0.0.1:{targets.ports['http']}",
        "kind": "http",
        "url": targets.url(path),
    }
    assert result.ok, result.error


def test_a_title_that_changes_between_requests_does_not_become_a_keyword(
    suggested: Suggest, targets: Targets
) -> None:
    draft, _, _ = suggested(targets.url("/page-counting"))

    assert draft["name"].startswith("Visitors: I")
    assert "keyword" not in draft


@pytest.mark.parametrize(
    ("path", "note"),
    [
        ("/page-refused", "Answered 403 Forbidden: send what it asks for in a header, or accept"),
        ("/nowhere", "Answered 404 Not Found: is the path right?"),
        ("/status?code=503", "Answered 503 Service Unavailable: it would be down from the start."),
        ("/status?code=299", None),
        ("/status?code=599", "Answered 599: it would be down from the start."),
        ("/redirect?to=/nowhere", "It redirects to http://127.0.0.1:"),
    ],
)
def test_notes_point_out_what_the_user_should_know(
    suggested: Suggest, targets: Targets, path: str, note: str | None
) -> None:
    draft, result, notes = suggested(targets.url(path))

    assert draft["name"] == f"127.0.0.1:{targets.ports['http']}"
    assert result.ok == (note is None)
    assert notes[0].startswith(note) if note else notes == [], notes


def test_an_invalid_certificate_is_reported_in_the_notes(
    suggested: Suggest, targets: Targets
) -> None:
    url = targets.url("/page", tls="expired")

    draft, result, notes = suggested(url)

    assert draft["url"] == url
    assert result.error == "TLS: certificate has expired"
    assert notes == ["The check fails: TLS: certificate has expired."]


def test_a_tcp_check_is_suggested_for_a_port_without_a_web_server(
    suggested: Suggest, targets: Targets
) -> None:
    port = targets.ports["talks-first"]

    draft, result, notes = suggested(f"tcp://good.test:{port}")

    assert draft == {"name": f"good.test:{port}", "kind": "tcp", "host": "good.test", "port": port}
    assert (result.ok, notes) == (True, [])
    assert suggested(f"good.test:{port}").draft == draft


def test_a_web_port_without_http_is_suggested_as_a_tcp_check(
    suggested: Suggest, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = targets.ports["garbage"]
    monkeypatch.setattr(typed, "WEB_PORTS", {port})

    draft, result, notes = suggested(f"good.test:{port}")

    assert (draft["kind"], draft["port"], result.ok) == ("tcp", port, True)
    assert notes[0].startswith("It accepts connections, but sends no HTTP answer: not HTTP")


def test_a_name_can_be_looked_up(suggested: Suggest) -> None:
    draft, result, _ = suggested("dns://mail.test")

    assert draft == {"name": "mail.test", "kind": "dns", "hostname": "mail.test"}
    assert result.ok


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("nowhere.test", "The check fails: host not found: nowhere.test"),
        ("metadata.test", "The check fails: address refused: the address of metadata.test"),
        ("private.test", "The check fails: address refused: the address of private.test"),
        ("http://169.254.169.254/latest/meta-data", "The check fails: address refused: "),
        ("2130706433.", "The check fails: "),
    ],
)
def test_an_unreachable_target_still_gets_a_draft(
    new_session: Callable[..., Session], text: str, note: str
) -> None:
    session = new_session(())

    draft, result, [said] = session.runner.run(suggest(session.prober, text))

    assert (draft["kind"], result.ok) == ("http", False)
    assert said.startswith(note)


def test_an_impossible_target_is_refused(suggested: Suggest) -> None:
    with pytest.raises(InvalidFieldError, match="the port must be between 1 and 65535"):
        suggested("example.com:99999")


JSON = {"content-type": "application/json"}
ODD: list[Any] = [
    "", " ", "://", "http://", "tcp://", "tcp://127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999",
    "[::1", "::1%1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]:1", "255.255.255.255", "127.1",
    "0x7f.1", "5", ".".join(["x" * 60] * 4) + ":1", "http://" + ".".join(["x" * 60] * 4), "x" * 64,
    "http://127.0.0.1:1/" + "\u00fc" * 1000, "http://127.0.0.1:1/" + "%" * 2000, "x" * 2049,
    "a@b", "file:///etc/passwd", "javascript:alert(1)", "<script>", "'; DROP TABLE monitors; --",
    "\x00", "\n", "\u202e", "\U0001f600", "\ud800", None, 5, True, [], {}, ["127.0.0.1"],
    "127.0.0.1:1", "tcp://127.0.0.1:1", "redis://:@127.0.0.1:1", "dns://[::1]", "dns://127.0.0.1",
]  # fmt: skip  # one a line would be longer, not clearer


@pytest.mark.parametrize("text", ODD)
def test_any_input_gets_a_draft_or_a_field_error(client: TestClient, text: Any) -> None:
    answer = client.post("/api/probe/suggest", content=json.dumps({"url": text}), headers=JSON)

    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        assert [error["field"] for error in answer.json()["errors"]] == ["url"]
    else:
        told = answer.json()
        MONITOR_IN.validate_python(told["monitor"])
        assert told["probe"].keys() >= {"ok", "timings", "error"}
        assert all(note.endswith((".", "?")) for note in told["notes"])


def test_a_draft_is_accepted_as_a_monitor(client: TestClient, targets: Targets) -> None:
    told = client.post("/api/probe/suggest", json={"url": targets.url("/page-plain")}).json()

    created = client.post("/api/monitors", json=told["monitor"])

    assert created.status_code == 201, created.text
    checked = client.post(f"/api/monitors/{created.json()['id']}/check").json()
    assert (checked["ok"], told["probe"]["ok"]) == (True, True)
