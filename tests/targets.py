"""Servers on 127.0.0.1 that answer well, badly or not at all, for the requests of the tests."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import trustme

Handler = Callable[[socket.socket], None]


@contextmanager
def server(handle: Handler) -> Iterator[int]:
    """Serve TCP on 127.0.0.1 and yield the port; `handle` gets every connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                handle(connection)
            except OSError:
                return  # the caller has hung up

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answering(text: bytes, status: str = "200 OK") -> Handler:
    """Read the request and answer with `text`."""

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + text)

    return handle


def saying(raw: bytes) -> Handler:
    """Send `raw`, whatever the request."""

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    return handle


def silent(connection: socket.socket) -> None:
    """Read, but never send a byte."""
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    """Send a byte of a header every tenth of a second, forever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    connection.settimeout(0.1)
    while True:
        try:
            connection.recv(65536)
        except TimeoutError:
            connection.sendall(b"x")


def over_tls(handle: Handler, *, host: str = "127.0.0.1", expired: bool = False) -> Handler:
    """Serve the same over TLS, with a certificate for `host` from an unknown authority."""
    not_after = datetime.now(UTC) + timedelta(days=-1 if expired else 30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host, not_after=not_after).configure_cert(context)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            handle(wrapped)

    return talk
