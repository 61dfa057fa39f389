"""Good responses, and the conditions that they may have to meet."""

import json
import time
from collections.abc import Callable

import pytest

from app.probing.http import Request
from app.probing.result import Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from tests.integration.probing.conftest import Session
from tests.targets import Targets

Probe = Callable[..., Result]

UNREADABLE = "body is compressed as {}, which a check can't read"


@pytest.mark.parametrize(
    "path",
    [
        "/ok",
        "/empty",
        "/no-content",
        "/until-close",
        "/http-1.0",
        "/bare-lf",
        "/chunked",
        "/interim",
        "/interim-close",
        "/folded-header",
        "/chunked-with-length",
        "/junk-after",
        "/long",
        "/long-chunked",
        "/long-until-close",
        "/just-fits",
        "/stay-open",
        "/half-close",
        "/invalid-utf-8",
        "/nul-in-body",
        "/big-headers",
        "/gzip",
        "/gzip-long",
        "/deflate",
        "/deflate-raw",
        "/redirect-often?left=10",
        "/redirect-slow-body",
        "/redirect-padded",
        "/cookie-first",
        "/redirect?to=/ok&status=308",
    ],
)
def test_a_right_answer_of_any_shape_is_ok(probe: Probe, targets: Targets, path: str) -> None:
    result = probe(targets.url(path))

    assert result.ok, result.error
    assert result.error is None
    assert result.status_code in (200, 204)


def test_the_timings_add_up(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url(host="good.test", tls="good"))

    assert result.ok, result.error
    parts = [
        result.timings.dns_ms,
        result.timings.connect_ms,
        result.timings.tls_ms,
        result.timings.first_byte_ms,
    ]
    assert all(part is not None and part > 0 for part in parts)
    assert sum(part for part in parts if part) <= (result.timings.total_ms or 0)
    assert result.latency_ms == result.timings.total_ms


def test_an_ip_address_has_no_dns_time_and_plain_http_no_tls_time(
    probe: Probe, targets: Targets
) -> None:
    timings = probe(targets.url()).timings

    assert timings.dns_ms is None
    assert timings.tls_ms is None


def test_a_head_response_ends_after_its_headers(probe: Probe, targets: Targets) -> None:
    assert probe(targets.url("/head"), method="HEAD").ok


def test_not_modified_has_no_body_whatever_it_declares(probe: Probe, targets: Targets) -> None:
    assert probe(targets.url("/not-modified"), accepted=(range(304, 305),)).ok


def test_an_unrequested_upgrade_is_just_a_status(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url("/upgrade"))

    assert result.error == "status 101 (accepted: 200-299)"


@pytest.mark.parametrize("code", [404, 500, 503])
def test_a_status_that_is_not_accepted_fails(probe: Probe, targets: Targets, code: int) -> None:
    result = probe(targets.url(f"/status?code={code}"))

    assert not result.ok
    assert result.status_code == code
    assert result.error == f"status {code} (accepted: 200-299)"


def test_a_status_that_is_accepted_is_ok(probe: Probe, targets: Targets) -> None:
    accepted = (range(200, 300), range(404, 405))

    assert probe(targets.url("/status?code=404"), accepted=accepted).ok
    assert (
        probe(targets.url("/status?code=500"), accepted=accepted).error
        == "status 500 (accepted: 200-299, 404)"
    )


@pytest.mark.parametrize(
    ("path", "keyword", "absent", "error"),
    [
        ("/ok", "well", False, None),
        ("/ok", "ill", False, "keyword not found"),
        ("/ok", "ill", True, None),
        ("/ok", "well", True, "keyword found that must be absent"),
        ("/gzip", "packed", False, None),
        ("/gzip-padded", "packed", False, None),
        ("/gzip-long", "0 of 0", False, None),
        ("/deflate-raw", "packed", False, None),
        ("/chunked", "all is", False, None),
        ("/long", "begin", False, None),
        ("/long", "end", False, "keyword not found"),
        ("/long-until-close", "begin", False, None),
        ("/long-until-close", "end", False, "keyword not found"),
        ("/latin-1", "schön", False, None),
        ("/windows-1252", "10 €", False, None),
        ("/windows-1252", "10 €", True, "keyword found that must be absent"),
        ("/page-latin-1", "Schön", False, None),
        ("/page-latin-1", "Schön", True, "keyword found that must be absent"),
        ("/brotli", "fatal", True, UNREADABLE.format("br")),
        ("/gzip-twice", "fatal", True, UNREADABLE.format("gzip, gzip")),
        ("/invalid-utf-8", "abc", False, None),
        ("/interim", "finally", False, None),
        ("/interim-close", "finally", False, None),
        ("/chunked-with-length", "all is well", False, None),
        ("/empty", "x", False, "keyword not found"),
    ],
)
def test_a_keyword_is_looked_for_in_the_first_mebibyte(
    probe: Probe, targets: Targets, path: str, keyword: str, absent: bool, error: str | None
) -> None:
    assert probe(targets.url(path), keyword=keyword, keyword_absent=absent).error == error


@pytest.mark.parametrize(
    ("path", "json_path", "value", "error"),
    [
        ("/json", "$.a.b[0]", 1, None),
        ("/json", "$.a.b[-1]", 2, None),
        ("/json", "$['s']", "x", None),
        ("/json", "$.a.b[2]", None, None),
        ("/json", "$.a.b[3]", True, None),
        ("/json", "$.a.b[3]", 1, "JSON path $.a.b[3] is true, not 1"),
        ("/json", "$.a.b[0]", True, "JSON path $.a.b[0] is 1, not true"),
        ("/json", "$.s", "y", 'JSON path $.s is "x", not "y"'),
        ("/json", "$.a", "y", 'JSON path $.a is an object, not "y"'),
        ("/json", "$.a.b", None, "JSON path $.a.b is an array, not null"),
        ("/json", "$.nothing", None, "JSON path $.nothing leads to nothing"),
        ("/json", "$.a.b[9]", 1, "JSON path $.a.b[9] leads to nothing"),
        ("/json", "$.s[0]", "x", "JSON path $.s[0] leads to nothing"),
        ("/ok", "$.a", 1, "body is not JSON"),
        ("/json-nan", "$.a", 1, "body is not JSON"),
        ("/json-deep", "$.a", 1, "body is not JSON"),
        ("/invalid-utf-8", "$.a", 1, "body is not JSON"),
        ("/empty", "$.a", 1, "body is not JSON"),
        ("/long", "$.a", 1, "body larger than 1 MiB, too large for a JSON path"),
        ("/nul-in-json", "$.a", 1, 'JSON path $.a is "x\\u0000 y", not 1'),
    ],
)
def test_a_json_path_must_lead_to_the_value(
    probe: Probe, targets: Targets, path: str, json_path: str, value: object, error: str | None
) -> None:
    assert probe(targets.url(path), json_path=json_path, json_value=value).error == error


def test_the_request_is_what_the_monitor_says(probe: Probe, targets: Targets) -> None:
    result = probe(
        targets.url("/echo?q=ü#fragment"),
        method="POST",
        headers=(("X-Mine", "yes"), ("user-agent", "mine"), ("Host", "other.test")),
        body=b"hello",
    )

    asked = targets.requests[-1]
    assert result.ok
    assert (asked.method, asked.target, asked.body) == ("POST", "/echo?q=%C3%BC", b"hello")
    assert asked.headers == {
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": "5",
        "host": "other.test",
        "user-agent": "mine",
        "x-mine": "yes",
    }


def test_a_plain_request_names_host_and_program(probe: Probe, targets: Targets) -> None:
    probe(targets.url(host="good.test"))

    headers = targets.requests[-1].headers
    assert headers["host"] == f"good.test:{targets.ports['http']}"
    assert headers["user-agent"] == "Stagewatch"


def test_a_post_becomes_a_get_without_body_after_302(probe: Probe, targets: Targets) -> None:
    probe(
        targets.url("/redirect?to=/echo"),
        method="POST",
        headers=(("Content-Type", "text/plain"), ("X-Mine", "yes")),
        body=b"hello",
    )

    asked = targets.requests[-1]
    assert (asked.method, asked.target, asked.body) == ("GET", "/echo", b"")
    assert "content-type" not in asked.headers
    assert asked.headers["x-mine"] == "yes"


def test_a_post_stays_a_post_after_307(probe: Probe, targets: Targets) -> None:
    probe(targets.url("/redirect?to=/echo&status=307"), method="POST", body=b"hello")

    asked = targets.requests[-1]
    assert (asked.method, asked.target, asked.body) == ("POST", "/echo", b"hello")


def test_only_safe_headers_are_sent_to_another_origin(probe: Probe, targets: Targets) -> None:
    safe = {
        "accept": "text/html",
        "accept-language": "de",
        "cache-control": "no-cache",
        "range": "bytes=0-9",
        "user-agent": "mine",
    }
    secret = {
        "authorization": "secret",
        "cookie": "a=b",
        "private-token": "secret",
        "x-api-key": "secret",
        "x-mine": "yes",
    }
    headers = tuple((safe | secret).items())
    elsewhere = targets.url("/echo", host="good.test")

    probe(targets.url(f"/redirect?to={elsewhere}"), headers=headers)
    away = targets.requests[-1].headers
    probe(targets.url("/redirect?to=/echo"), headers=headers)
    home = targets.requests[-1].headers

    assert away.items() >= safe.items()
    assert not away.keys() & secret.keys()
    assert away["host"].startswith("good.test:")
    assert home.items() >= (safe | secret).items()


def test_a_cookie_is_sent_to_its_own_host_only(probe: Probe, targets: Targets) -> None:
    probe(targets.url("/cookie-first"))
    home = targets.requests[-1].headers
    elsewhere = targets.url("/cookie-first", host="good.test")
    probe(targets.url(f"/redirect?to={elsewhere}"), headers=(("Cookie", "mine=1"),))
    first, second = (asked.headers for asked in targets.requests[-2:])

    assert home["cookie"] == "a=b; seen=1"
    assert "cookie" not in first
    assert second["cookie"] == "a=b; seen=1"


def test_a_body_sent_to_another_origin_keeps_its_type(probe: Probe, targets: Targets) -> None:
    elsewhere = targets.url("/echo", host="good.test")

    probe(
        targets.url(f"/redirect?to={elsewhere}&status=307"),
        method="POST",
        headers=(("Content-Type", "text/plain"), ("X-Signature", "secret")),
        body=b"hello",
    )

    asked = targets.requests[-1]
    assert (asked.method, asked.body, asked.headers["content-type"]) == (
        "POST",
        b"hello",
        "text/plain",
    )
    assert "x-signature" not in asked.headers


def test_a_redirect_that_is_not_to_be_followed_is_judged_itself(
    probe: Probe, targets: Targets
) -> None:
    result = probe(targets.url("/redirect?to=/ok"), follow_redirects=False)

    assert result.error == "status 302 (accepted: 200-299)"


def test_an_answer_that_comes_before_the_request_is_read_counts(
    probe: Probe, targets: Targets
) -> None:
    url = f"http://127.0.0.1:{targets.ports['answers-first']}/"

    result = probe(url, method="POST", body=b"x" * 30_000_000)

    assert result.error == "status 413 (accepted: 200-299)"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "good.test"])
def test_a_verified_certificate_is_ok_for_names_and_addresses(
    probe: Probe, targets: Targets, host: str
) -> None:
    result = probe(targets.url(tls="good", host=host))

    assert result.ok, result.error


def test_a_server_with_an_older_cipher_suite_that_browsers_accept_is_up(
    probe: Probe, targets: Targets
) -> None:
    result = probe(targets.url(tls="old-cipher"))

    assert result.ok, result.error


@pytest.mark.parametrize("path", ["/long", "/until-close", "/chunked", "/redirect-often?left=2"])
def test_answers_over_tls_are_read_like_others(probe: Probe, targets: Targets, path: str) -> None:
    assert probe(targets.url(path, tls="good")).ok


def test_certificates_are_not_verified_if_the_monitor_turns_it_off(
    probe: Probe, targets: Targets
) -> None:
    for kind in ("expired", "wrong-name", "self-signed"):
        assert probe(targets.url(tls=kind), verify_tls=False).ok


def test_a_certificate_that_expires_soon_fails(probe: Probe, targets: Targets) -> None:
    soon = probe(targets.url(tls="good"), certificate_days=14)
    later = probe(targets.url(tls="good"), certificate_days=7)

    assert soon.error == "certificate expires in 10 days (limit 14)"
    assert soon.status_code == 200
    assert later.ok


def test_several_addresses_are_tried_until_one_answers(probe: Probe, targets: Targets) -> None:
    result = probe(targets.url(host="two.test"))

    assert result.ok, result.error


def test_a_single_request_gives_the_answer_itself(session: Session, targets: Targets) -> None:
    request = Request(parse_url(targets.url("/echo")), "POST", (("X-Mine", "1"),), b"hello")

    response = session.runner.run(session.prober.fetch(request, 5))

    assert response.status == 200
    assert json.loads(response.body)["body"] == "hello"
    assert response.headers[b"content-type"] == b"application/json"


def test_a_target_with_a_line_break_in_a_header_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="line break"):
        HttpTarget(parse_url("http://a.test"), headers=(("X", "a\r\nY: b"),))


def test_the_date_of_a_verified_certificate_is_part_of_the_result(
    probe: Probe, targets: Targets
) -> None:
    verified = probe(targets.url(tls="good"))
    unverified = probe(targets.url(tls="good"), verify_tls=False)

    assert verified.certificate_expires is not None
    assert 9 < (verified.certificate_expires - time.time()) / 86400 < 12
    assert unverified.certificate_expires is None
