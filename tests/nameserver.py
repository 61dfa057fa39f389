"""A name server on 127.0.0.1, over UDP and TCP, whose zone is a dict.

    with NameServer({"web.test": {"A": ["127.0.0.1"]}, "dead.test": SILENT}) as server:
        Resolver([server.address])

A name that is not in the zone does not exist. In place of records there may be SILENT (no answer),
SERVFAIL, REFUSED, `Slow` and `Turns`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tests.background import BackgroundServers

SILENT = "silent"
SERVFAIL = "servfail"
REFUSED = "refused"

Records = Mapping[str, Sequence[str]]


@dataclass
class Slow:
    """Answers after `seconds`."""

    seconds: float
    records: Records


@dataclass
class Turns:
    """Answers queries of a type with the next of `records`, repeating the last one."""

    records: Sequence[Records]
    asked: dict[str, int] = field(default_factory=dict)

    def next(self, record_type: str) -> Records:
        change = self.asked.get(record_type, 0)
        self.asked[record_type] = change + 1
        return self.records[min(change, len(self.records) - 1)]


Zone = Mapping[str, Records | Slow | Turns | str]


class NameServer(BackgroundServers):
    """Serves `zone`; `address` is its "ip:port", `queries` what it was asked as (name, type)."""

    def __init__(self, zone: Zone, ttl: int = 3600) -> None:
        self.zone = dict(zone)
        self.ttl = ttl
        self.queries: list[tuple[str, str]] = []
        self.address = ""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve_stream, "127.0.0.1", 0)
        port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=("127.0.0.1", port)
        )
        self.address = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        self._tcp.close()
        self._udp.close()

    async def answer(self, wire: bytes) -> dns.message.Message | None:
        """Return the response to a query, or None for silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        record_type = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((name, record_type))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        entry: Any = self.zone.get(name)
        if isinstance(entry, Slow):
            await asyncio.sleep(entry.seconds)
            entry = entry.records
        elif isinstance(entry, Turns):
            entry = entry.next(record_type)
        if entry == SILENT:
            return None
        if entry is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            self._add(
                response.authority, "test", "SOA", [f"ns.test. root.test. 1 2 3 4 {self.ttl}"]
            )
        elif isinstance(entry, str):
            response.set_rcode(dns.rcode.from_text(entry))
        else:
            self._add(response.answer, name, record_type, entry.get(record_type, ()))
            if record_type != "CNAME" and "CNAME" in entry:
                self._add(response.answer, name, "CNAME", entry["CNAME"])
                target = entry["CNAME"][0].removesuffix(".")
                followed: Any = self.zone.get(target, {})
                self._add(response.answer, target, record_type, followed.get(record_type, ()))
        return response

    def _add(self, section: list[Any], name: str, record_type: str, texts: Sequence[str]) -> None:
        if texts:
            section.append(
                dns.rrset.from_text_list(name + ".", self.ttl, "IN", record_type, list(texts))
            )

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                response = await self.answer(await reader.readexactly(size))
                if response is not None:
                    wire = response.to_wire(max_size=65535)
                    writer.write(len(wire).to_bytes(2, "big") + wire)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has disconnected.
            pass
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # the stub says BaseTransport, which cannot send
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        task = asyncio.ensure_future(self._reply(data, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, address: tuple[str | Any, int]) -> None:
        response = await self._server.answer(data)
        if response is None:
            return
        try:
            wire = response.to_wire(max_size=512)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        self._transport.sendto(wire, address)
