"""API keys in the real stack: from the file, by command, with two processes and Nginx."""

import re
from collections.abc import Iterator

import pytest

from tests.stack.support import Answer, Stack, docker, request, secrets_folder, wait_for

UP = ("--wait", "--scale", "api=2")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(env={"API_KEYS": "required", "CLIENT_REQUESTS_PER_SECOND": "1000"}, up=UP) as stack:
        yield stack


def first_key() -> str:
    return (secrets_folder() / "api_key").read_text().strip()


def ask(stack: Stack, key: str | None, path: str = "/api/monitors") -> Answer:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return request(stack.url(path), headers=headers)


def make_key(stack: Stack) -> tuple[str, str]:
    """Return the number and the key, as an operator gets them."""
    said = stack.run("exec", "-T", "api", "stagewatch", "keys", "create", "test", "--scope", "read")
    # The key is on one stream and what is said of it on another: they come in any order.
    token = re.search(r"sw_[\w-]{43}", said)
    number = re.search(r"Key (\d+),", said)
    assert token, said
    assert number, said
    return number[1], token[0]


def test_the_first_key_is_that_of_the_file(stack: Stack) -> None:
    assert ask(stack, first_key()).status == 200
    assert ask(stack, None).status == 401
    assert ask(stack, first_key()[:-1] + "-").status == 401


def test_public_routes_need_no_key(stack: Stack) -> None:
    for path in ("/", "/health", "/api/status", "/api/incidents", "/feed.atom"):
        assert ask(stack, None, path).status == 200, path


def test_a_key_made_by_the_command_is_revoked_everywhere(stack: Stack) -> None:
    number, token = make_key(stack)
    # More than once to each of the two.
    assert {ask(stack, token).status for _ in range(8)} == {200}

    stack.run("exec", "-T", "api", "stagewatch", "keys", "revoke", number)

    wait_for(lambda: {ask(stack, token).status for _ in range(8)} == {401}, seconds=10)


def test_neither_the_engine_nor_a_log_shows_a_key(stack: Stack) -> None:
    _, token = make_key(stack)
    ask(stack, token)
    ask(stack, first_key())
    ids = stack.run("ps", "--all", "--quiet").split()

    shown = docker("inspect", *ids) + stack.run("logs", "--no-color")

    assert token not in shown
    assert first_key() not in shown


def test_keys_work_without_redis_and_are_not_judged_without_the_database(stack: Stack) -> None:
    _, token = make_key(stack)
    stack.run("stop", "redis")
    try:
        assert ask(stack, token).status == 200
        stack.run("stop", "db")
        # Keys are cached for two seconds.
        wait_for(lambda: ask(stack, token, "/api/keys/current").status == 503, seconds=10)
        assert ask(stack, token).status == 503
        assert ask(stack, None).status == 401
    finally:
        stack.run("up", "--detach", *UP)

    wait_for(lambda: ask(stack, token).status == 200, seconds=60)
