"""A confined thread can open TCP connections that the guard allows, and nothing else."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.notifications.confinement import Confinement, _audit, install
from app.probing.guard import Guard

# Python traces no audit hook that does not ask for it, and coverage would see nothing of this one.
_audit.__cantrace__ = True  # type: ignore[attr-defined]  # functions have what they are given


def connect(address: str) -> None:
    with socket.socket() as connection:
        connection.settimeout(1)
        connection.connect((address, 9))


def send_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"hello", ("192.0.2.1", 514))


def connect_locally() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/dev/log")


def listen() -> None:
    socket.create_server(("127.0.0.1", 0))


def write_by_descriptor() -> None:
    os.open(Path(sys.prefix) / "written", os.O_WRONLY | os.O_CREAT)


FORBIDDEN: dict[str, Callable[[], object]] = {
    "a private address": lambda: connect("10.0.0.5"),
    "loopback": lambda: connect("127.0.0.1"),
    "UDP": send_datagram,
    "a local socket": connect_locally,
    "a listening socket": listen,
    "a file": lambda: Path("/etc/passwd").read_text(),
    "a file by a way round": lambda: Path(sys.prefix, "../../../../../etc/passwd").read_text(),
    "a file to write": write_by_descriptor,
    "a program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "a shell": lambda: os.system("true"),  # noqa: S605 - refused before it starts
    "a folder": lambda: Path("made").mkdir(),
}
if sys.version_info >= (3, 12):  # 3.11 does not report it
    FORBIDDEN["a thread of its own"] = lambda: threading.Thread(target=print).start()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_operations_that_a_notification_does_not_need_are_refused(what: str) -> None:
    install()
    confined = Confinement(Guard())

    with confined.entered(), pytest.raises((OSError, RuntimeError)):
        FORBIDDEN[what]()

    assert confined.refusal is not None


def test_a_refused_address_is_the_reason_that_is_reported() -> None:
    install()
    confined = Confinement(Guard())
    with confined.entered():
        for attempt in (FORBIDDEN["a file"], FORBIDDEN["a private address"]):
            with pytest.raises(PermissionError):
                attempt()

    assert confined.refusal is not None
    assert "10.0.0.5" in confined.refusal


def test_python_still_reads_its_own_files_and_other_threads_are_free() -> None:
    install()
    confined = Confinement(Guard(["127.0.0.0/8"]))
    with socket.create_server(("127.0.0.1", 0)) as server, confined.entered():
        with socket.create_connection(server.getsockname()):
            pass
        assert Path(socket.__file__).read_text()

    assert confined.refusal is None
    assert Path("/etc/passwd").read_text()


def test_a_read_that_waits_for_bytes_ends_with_the_attempt() -> None:
    install()
    confined = Confinement(Guard(["127.0.0.0/8"]))
    ended = threading.Event()
    connected = threading.Event()

    def wait(port: int) -> None:
        with confined.entered(), socket.create_connection(("127.0.0.1", port)) as connection:
            connected.set()
            connection.recv(1)
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=wait, args=(silent.getsockname()[1],), daemon=True)
        thread.start()
        assert connected.wait(5)

        confined.end()

        assert ended.wait(5)
    with confined.entered(), pytest.raises(PermissionError):
        socket.socket()
