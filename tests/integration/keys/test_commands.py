"""stagewatch keys, as an operator types it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from app import cli
from app.keys.tokens import digest
from tests.services import query

Run = Callable[..., Any]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: str) -> Any:
        """Return the exit code of the process."""
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        return ended.value.code

    return run


def test_the_key_alone_is_on_stdout(
    run: Run, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    code = run("keys", "create", "deploy", "--scope", "write")

    out, err = capsys.readouterr()
    assert code == 0
    assert re.fullmatch(r"sw_[\w-]{43}\n", out)
    assert "not shown again" in err
    [row] = query(database_url, "SELECT * FROM api_keys")
    assert (row["name"], row["scope"], row["expires_at"]) == ("deploy", "write", None)
    assert row["digest"] == digest(out.strip())
    assert out.startswith(row["prefix"])
    assert out.strip() not in str(row)


def test_a_key_may_expire_and_have_a_limit_of_its_own(run: Run, database_url: str) -> None:
    run("keys", "create", "scraper", "--scope", "read", "--expires", "30", "--limit", "600")

    [row] = query(database_url, "SELECT *, expires_at - created_at AS lasts FROM api_keys")
    assert row["lasts"].days == 30
    assert row["requests_per_minute"] == 600


def test_keys_are_listed_and_revoked(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("keys", "create", "one", "--scope", "read")
    run("keys", "create", "other", "--scope", "write", "--expires", "7")
    token = capsys.readouterr().out.splitlines()[0]

    assert run("keys", "revoke", "1") == 0
    assert run("keys", "revoke", "1") == 0
    assert run("keys", "list") == 0

    lines = capsys.readouterr().out.splitlines()[-2:]
    assert re.search(r"1  one .* read .* never .* revoked \d", lines[0])
    assert re.search(r"2  other .* write .* never .* valid until \d", lines[1])
    assert token not in "".join(lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("revoke", "7"), "There is no key 7."),
        (("revoke", "99999999999"), "There is no key 99999999999."),
        (("create", " ", "--scope", "read"), "name: "),
        (("create", "x", "--scope", "read", "--expires", "0"), "expires_days: "),
    ],
)
def test_a_mistake_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code = run("keys", *arguments)

    assert code.startswith(f"stagewatch: {said}")
    assert "\n" not in code
