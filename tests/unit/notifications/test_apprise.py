"""Apprise in threads: no attempt takes longer than it may."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.notifications.apprise import AppriseSender, text_of, without_secrets
from app.notifications.failure import DeliveryError
from app.probing.guard import Guard
from tests.services import ROOT
from tests.sites import new_site

TEST = {"event": "test"}


def test_the_message_names_the_monitor_and_the_cause() -> None:
    payload: dict[str, Any] = {
        "event": "incident.opened",
        "monitor": {"name": "Shop"},
        "incident": {"opened_at": "2026-11-23T12:00:00+00:00", "cause": "connection refused"},
    }

    title, text = text_of(payload)

    assert title == "Shop is down"
    assert "connection refused" in text


def trickle(server: socket.socket, ended: threading.Event) -> None:
    """Answer by one byte at a time, forever: no limit on a single read ends that."""
    # On a slow machine the sender may be given up before it has connected.
    server.settimeout(5)
    try:
        connection, _ = server.accept()
    except TimeoutError:
        # This is not an error.
        return
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not ended.wait(0.05):
            try:
                connection.sendall(b"x")
            except OSError:
                # The sender has disconnected.
                return


def test_a_thread_that_is_given_up_ends_soon_although_bytes_still_come() -> None:
    async def send(port: int) -> None:
        freed = asyncio.Event()
        sender = AppriseSender(Guard(["127.0.0.0/8"]), freed.set, seconds=1)
        with pytest.raises(DeliveryError, match="timed out after 1 s"):
            await sender.send(7, f"json://127.0.0.1:{port}/", TEST)
        assert sender.stuck()[7] == 1

        await asyncio.wait_for(freed.wait(), 30)

        assert sender.stuck().total() == 0

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server, ended))
        thread.start()
        try:
            asyncio.run(send(server.getsockname()[1]))
        finally:
            ended.set()
            thread.join()


def test_the_first_import_of_apprise_leaves_the_event_loop_free() -> None:
    # In a new process, where nothing has imported it yet.
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["apprise-1"]


# Prints in which threads Apprise was imported.
IMPORTING = """
import asyncio, sys, threading
from app.notifications.apprise import AppriseSender
from app.probing.guard import Guard

threads = set()

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "apprise":
            threads.add(threading.current_thread().name)

sys.meta_path.insert(0, Finder)

async def send():
    try:
        await AppriseSender(Guard(), print).send(1, "json://127.0.0.1:9/", {"event": "test"})
    except Exception:
        # Nobody listens there: it is to fail, after Apprise has been loaded.
        pass

asyncio.run(send())
print(*threads)
"""


def take_mail(server: socket.socket, mails: list[str]) -> None:
    """Speak just enough SMTP to receive one mail."""
    server.settimeout(10)
    connection, _ = server.accept()
    with connection, connection.makefile("rw", newline="\r\n") as lines:

        def say(line: str) -> None:
            lines.write(f"{line}\n")
            lines.flush()

        say("220 here")
        for line in lines:
            command = line.split()[0].upper()
            if command == "DATA":
                say("354 go on")
                mails.append("".join(iter(lines.readline, ".\r\n")))
                say("250 taken")
            elif command == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


def test_mail_is_sent_from_a_confined_thread() -> None:
    mails: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=take_mail, args=(server, mails), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        url = f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com"

        asyncio.run(AppriseSender(Guard(["127.0.0.0/8"]), lambda: None).send(1, url, TEST))

        thread.join()
    assert "Subject: Stagewatch: test" in mails[0]


def test_https_works_in_a_thread_with_few_permissions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with new_site() as site:
        site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
        url = f"jsons://127.0.0.1:{site.server.server_port}/"
        sender = AppriseSender(Guard(["127.0.0.0/8"]), lambda: None)

        # The authority of the certificate is not trusted.
        with pytest.raises(DeliveryError, match="did not accept it"):
            asyncio.run(sender.send(1, url, TEST))
        assert site.posted == []
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        asyncio.run(sender.send(1, url, TEST))

    assert len(site.posted) == 1


def test_a_service_that_refuses_says_why_without_the_secrets_of_its_url() -> None:
    with new_site() as site:
        site.status = 403
        url = f"json://ada:s3cret%21@127.0.0.1:{site.server.server_port}/token-of-ours"
        sender = AppriseSender(Guard(["127.0.0.0/8"]), lambda: None)

        with pytest.raises(DeliveryError, match="did not accept it") as caught:
            asyncio.run(sender.send(1, url, TEST))

    assert caught.value.answer is not None
    assert "403" in caught.value.answer
    assert not {"s3cret", "ada", "token-of-ours"} & set(caught.value.answer.split())


def test_the_answer_of_an_accepting_service_is_returned() -> None:
    with new_site() as site:
        url = f"json://127.0.0.1:{site.server.server_port}/"

        told = asyncio.run(AppriseSender(Guard(["127.0.0.0/8"]), lambda: None).send(1, url, TEST))

    assert told in {"the service accepted it", "Sent JSON notification."}


def test_an_answer_contains_no_parts_of_the_url() -> None:
    url = "tgram://123456:AAbb%2Fcc/987654/?format=html"

    answer = without_secrets(["Failed at https://api/bot123456:AAbb/cc", "for 987654"], url)

    assert answer == "Failed at https://api/bot***:*** for ***"
    assert without_secrets([], url) is None
