"""Where the server listens, if a name has several addresses."""

import errno
import socket
from contextlib import ExitStack, closing
from typing import Any

import pytest

from app.listening import listening_sockets, no_new_connections

# RFC 5737: documentation's addresses, which no machine has.
ELSEWHERE = "192.0.2.1"
# Addresses of this machine on which no other program opens ports.
HERE, THERE = "127.7.0.1", "127.7.0.2"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that resolve in addition to those of the system, and their addresses."""
    known: dict[str, list[str]] = {}
    asked = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **options: Any) -> Any:
        return [found for name in known.get(host, [host]) for found in asked(name, port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def free_port() -> int:
    with socket.create_server((HERE, 0)) as server:
        return int(server.getsockname()[1])


def bound(*places: str, patience: float = 0.0) -> set[str]:
    sockets = listening_sockets(places, free_port(), patience=patience)
    try:
        return {each.getsockname()[0] for each in sockets}
    finally:
        for each in sockets:
            each.close()


def test_only_the_addresses_of_this_machine_are_used_for_a_name(
    names: dict[str, list[str]],
) -> None:
    names["api.backend"] = [ELSEWHERE, THERE]

    assert bound(HERE, "api.backend") == {HERE, THERE}


def test_a_duplicate_address_is_bound_once(names: dict[str, list[str]]) -> None:
    names["api.backend"] = [HERE]

    assert bound(HERE, "api.backend") == {HERE}


@pytest.mark.parametrize("place", [ELSEWHERE, "no-such-name.invalid"])
def test_an_address_of_another_machine_is_an_error(place: str) -> None:
    with pytest.raises(OSError, match=place):
        bound(HERE, place)


def test_a_name_that_resolves_a_moment_later_is_waited_for(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["api.backend"] = [ELSEWHERE]
    monkeypatch.setattr("app.listening.sleep", lambda _: names.update({"api.backend": [THERE]}))

    assert bound("api.backend", patience=60) == {THERE}


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_bound() -> None:
    with socket.create_server((THERE, 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match="in use") as caught:
            listening_sockets([HERE, THERE], port)

        assert caught.value.errno == errno.EADDRINUSE
        with closing(socket.create_server((HERE, port))):
            pass


@pytest.mark.parametrize(
    ("place", "host"),
    [("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")],
)
def test_connections_already_begun_are_accepted_while_new_ones_are_kept_out(
    place: str, host: str
) -> None:
    [listening] = listening_sockets([place], 0, shared=True)
    listening.listen()
    address = (host, listening.getsockname()[1])
    with ExitStack() as clients:
        begun = [clients.enter_context(socket.create_connection(address)) for _ in range(2)]

        with no_new_connections(listening):
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            accepted = [clients.enter_context(listening.accept()[0]) for _ in begun]
            listening.setblocking(False)
            with pytest.raises(BlockingIOError):
                listening.accept()
            listening.close()
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)

        come = {each.getpeername() for each in accepted}
        assert come == {each.getsockname() for each in begun}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_a_warning_is_logged_if_new_connections_cannot_be_kept_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    [alone] = listening_sockets(["127.0.0.1"], 0)
    with alone:
        alone.listen()
        with no_new_connections(alone):
            socket.create_connection(alone.getsockname()).close()

    assert "Connections that begin now may be lost" in caplog.text
