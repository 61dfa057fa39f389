"""A file is validated as a whole: every fault with its line, its field and a suggestion."""

import pytest

from app.config_file import document
from app.config_file.document import read_document
from app.config_file.faults import MAX_FAULTS, BadFileError
from app.monitors.schemas import KINDS


def faults(text: str) -> list[str]:
    """Return the errors reported for a file, without the headline."""
    with pytest.raises(BadFileError) as raised:
        read_document(text.encode())
    return raised.value.text("f").splitlines()[1:]


def test_all_errors_are_listed_at_once_in_the_order_of_their_lines() -> None:
    text = """\
version: 2
chanels: []
channels:
- name: On call
  kind: webhook
  url: ftp://example.com
- name: On call
  kind: pigeon
  url: x
monitors:
- name: Shop
  kind: http
  url: https://example.com
  intervall_seconds: 30
  headers:
    Accept: a
    "bad name": b
  accepted_status_codes:
  - 200
  - x
- name: DB
  kind: tpc
- kind: tcp
  host: db
  port: "5432"
  port: 5432
- Shop
- name: Shop
  kind: heartbeat
  period_seconds: 60
  renamed_from: DB
  channel_ids: [1]
  paused: yes
"""
    said = faults(text)

    assert said == [
        "f:1: version: this version of Stagewatch reads 1",
        "f:2: chanels: there is no such field; did you mean channels?",
        "f:6: channels.0.url: the URL must begin with http:// or https://",
        "f:7: channels.1.name: channels.0 in line 4 already has this name",
        "f:8: channels.1.kind: Input should be 'apprise' or 'webhook'",
        (
            "f:14: monitors.0.intervall_seconds: there is no such field; "
            "did you mean interval_seconds?"
        ),
        "f:15: monitors.0.headers: 'bad name' is not a header name",
        (
            "f:18: monitors.0.accepted_status_codes: 'x' is not a status between 100 and 599, "
            "nor a range of them"
        ),
        f"f:22: monitors.1.kind: it must be one of {', '.join(sorted(KINDS))}; did you mean tcp?",
        "f:23: monitors.2.name: Field required",
        "f:26: monitors.2.port: this key is already in line 25",
        "f:27: monitors.3: it must be a mapping",
        "f:28: monitors.4.name: monitors.0 in line 11 already has this name",
        "f:31: monitors.4.renamed_from: monitors.1 in line 21 has this name",
        (
            "f:32: monitors.4.channel_ids: ids differ between installations: "
            "give names, in `channels`"
        ),
        "f:33: monitors.4.paused: Input should be a valid boolean",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f:1: it must be a mapping that begins with version: 1"),
        ("- a", "f:1: it must be a mapping that begins with version: 1"),
        ("monitors: []", "f:1: version: it is missing; it must be 1"),
        ("version: true", "f:1: version: this version of Stagewatch reads 1"),
        ("version: '1'", "f:1: version: this version of Stagewatch reads 1"),
        ("version: 1\nmonitors:", "f:2: monitors: it must be a list; [] is an empty one"),
        ("version: 1\nmonitors: {a: 1}", "f:2: monitors: it must be a list; [] is an empty one"),
        (
            (
                "version: 1\nmonitors:\n- {name: a, kind: http, url: 'http://a', json_path: $.a,\n"
                "  json_value: [1]}"
            ),
            (
                "f:4: monitors.0.json_value: Input should be a valid string; or "
                "Input should be a valid boolean; or Input should be a valid integer; or "
                "Input should be a valid number"
            ),
        ),
    ],
)
def test_a_file_that_is_not_a_configuration_is_reported(text: str, said: str) -> None:
    assert faults(text) == [said]


def test_a_file_that_is_not_utf_8_is_reported_with_the_line() -> None:
    with pytest.raises(BadFileError) as raised:
        read_document("version: 1\n# Grün".encode("latin-1"))

    assert raised.value.faults == [(2, "", "it is not in UTF-8")]


def test_a_file_that_is_too_long_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 10)

    assert faults("version: 1\n") == ["f:1: it is longer than 10 bytes"]


def test_many_errors_are_counted_but_only_some_are_listed() -> None:
    text = "version: 1\nmonitors:\n" + "- 1\n" * (MAX_FAULTS + 5)

    said = faults(text)

    assert said[0] == "f:3: monitors.0: it must be a mapping"
    assert len(said) == MAX_FAULTS + 1
    assert said[-1] == "and 5 more"


def test_missing_sections_differ_from_empty_ones() -> None:
    assert read_document(b"version: 1\nmonitors: []\n") == (None, [], None)


def test_keys_for_anchors_are_left_alone() -> None:
    text = b"""
version: 1
x-defaults: &defaults {kind: tcp, port: 443}
monitors:
- {name: a, host: a.example.com, <<: *defaults}
"""
    [entry] = read_document(text).monitors or []

    assert (entry.config.name, entry.config.kind) == ("a", "tcp")
