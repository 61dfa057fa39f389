"""Name resolution that holds nobody up, with answers that are a second old at most."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, TypeVar

import aiodns
import pycares
from pycares import errno as ares

from app.probing.failure import Failure
from app.probing.urls import numeric_address

RECORD_TYPES = frozenset({"A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "SRV", "CAA", "PTR"})

# c-ares keeps every answer, also "no such name", for as long as its TTL says, up to an hour, and
# pycares has no switch for that. A monitor would go on checking where a service was. So a
# channel, which the cache belongs to, serves the lookups of one second and is then replaced.
CHANNEL_SECONDS = 1.0
# For each name server, the first time; c-ares doubles it at the second. The deadline of the check
# mostly comes first. It also limits how long a replaced channel lives on for its last answer.
TRY_SECONDS = 2.0
TRIES = 2

T = TypeVar("T")


class UnknownHost(Failure):
    """The name servers say that there is no such name, or that it has no address."""


class NoRecord(Failure):
    """The name exists, but has no record of the type asked for."""


class NameServerFailure(Failure):
    """The name servers did not answer, or answered that they cannot."""


class _Channel:
    """A resolver with the lookups of its second; `pending` counts those not answered yet."""

    __slots__ = ("born", "lookups", "pending", "resolver")

    def __init__(self, resolver: aiodns.DNSResolver, born: float) -> None:
        self.resolver = resolver
        self.born = born
        self.pending = 0
        self.lookups: dict[str, asyncio.Future[list[str] | Failure]] = {}


class Resolver:
    """Asks `nameservers` ("ip" or "ip:port"), by default those of /etc/resolv.conf.

    To be used in one event loop; nothing is opened before the first lookup.
    """

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._nameservers = [_server(each) for each in nameservers] if nameservers else None
        self._channel: _Channel | None = None
        self._retired: set[_Channel] = set()

    async def addresses(self, host: str) -> list[str]:
        """Return the IP addresses of `host`, at least one; an address is returned as it is.

        /etc/hosts is honoured. Lookups of one name within a second share one answer. Raises
        UnknownHost or NameServerFailure.
        """
        try:
            literal = numeric_address(host)
        except ValueError as error:
            raise UnknownHost(f"host not found: {error}") from None
        if literal is not None:
            return [literal]
        channel = self._current()
        lookup = channel.lookups.get(host)
        if lookup is None:
            asked = channel.resolver.getaddrinfo(host, type=socket.SOCK_STREAM)
            lookup = channel.lookups[host] = self._follow(
                channel,
                asked,
                host,
                UnknownHost(f"host not found: {host} has no address"),
                _read_addresses,
            )
        return _unwrap(lookup.result() if lookup.done() else await asyncio.shield(lookup))

    async def query(self, host: str, record_type: str) -> list[str]:
        """Return the records of one type as strings, as a zone file has them, without final dots.

        For PTR, `host` may be an IP address. /etc/hosts is not looked at. Raises UnknownHost,
        NoRecord or NameServerFailure, and ValueError for a type that is not in RECORD_TYPES.
        """
        if record_type not in RECORD_TYPES:
            raise ValueError(f"{record_type!r} is not a record type that can be checked")
        name = host
        if record_type == "PTR" and (address := numeric_address(host)):
            name = ip_address(address).reverse_pointer
        channel = self._current()
        asked = channel.resolver.query_dns(name, record_type)
        show, code = _SHOWN[record_type], aiodns.query_type_map[record_type]

        def read(result: pycares.DNSResult) -> list[str]:
            # The answer to A holds the aliases on the way, too.
            return [show(each.data) for each in result.answer if each.type == code]

        nothing = NoRecord(f"no {record_type} record for {host}")
        lookup = self._follow(channel, asked, host, nothing, read)
        return _unwrap(await asyncio.shield(lookup))

    async def close(self) -> None:
        """Stop what is still being looked up and close the sockets."""
        channels = [*self._retired, *([self._channel] if self._channel else [])]
        self._channel = None
        self._retired.clear()
        for channel in channels:
            await channel.resolver.close()

    def _current(self) -> _Channel:
        loop = asyncio.get_running_loop()
        now = loop.time()
        channel = self._channel
        if channel is not None and now - channel.born < CHANNEL_SECONDS:
            return channel
        if channel is not None and channel.pending:
            self._retired.add(channel)
        # An idle one closes itself as it is let go of.
        resolver = aiodns.DNSResolver(
            self._nameservers, loop=loop, timeout=TRY_SECONDS, tries=TRIES
        )
        self._channel = _Channel(resolver, now)
        return self._channel

    def _follow(
        self,
        channel: _Channel,
        asked: "asyncio.Future[T]",
        host: str,
        nothing: Failure,
        read: Callable[[T], list[str]],
    ) -> "asyncio.Future[list[str] | Failure]":
        """Return a future for what `asked` brings: it never fails, and outlives who waits for it.

        A check that is cancelled must neither take the answer from the others nor leave a failure
        behind that nobody fetches.
        """
        lookup: asyncio.Future[list[str] | Failure] = asked.get_loop().create_future()
        channel.pending += 1

        def answered(asked: "asyncio.Future[T]") -> None:
            channel.pending -= 1
            if not channel.pending:
                self._retired.discard(channel)
            error = asked.exception()
            if error is None:
                lookup.set_result(read(asked.result()) or nothing)
            elif _code(error) == ares.ARES_ENODATA:
                lookup.set_result(nothing)
            else:
                lookup.set_result(_failure(error, host))

        asked.add_done_callback(answered)
        return lookup


def _server(text: str) -> str:
    """Return "ip" or "ip:port" as c-ares reads it, which wants IPv6 addresses in brackets."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _unwrap(answer: list[str] | Failure) -> list[str]:
    if isinstance(answer, Failure):
        # A new one each time: several checks may share the answer, and raising marks it.
        raise type(answer)(answer.reason)
    return answer


def _code(error: BaseException) -> int | None:
    return error.args[0] if isinstance(error, aiodns.error.DNSError) else None


def _failure(error: BaseException, host: str) -> Failure:
    code = _code(error)
    if code == ares.ARES_ENOTFOUND:
        return UnknownHost(f"host not found: {host}")
    if code in (ares.ARES_EBADNAME, ares.ARES_ENONAME):
        return UnknownHost(f"host not found: {host} is not a name")
    if code == ares.ARES_ETIMEOUT:
        return NameServerFailure(f"the name server did not answer for {host}")
    if code == ares.ARES_ESERVFAIL:
        return NameServerFailure(f"the name server failed to answer for {host}")
    if code == ares.ARES_EREFUSED:
        return NameServerFailure(f"the name server refused to answer for {host}")
    if code == ares.ARES_ECONNREFUSED:
        return NameServerFailure(f"the name server cannot be reached to ask for {host}")
    return NameServerFailure(f"the name server gave no usable answer for {host}")


def _read_addresses(result: pycares.AddrInfoResult) -> list[str]:
    # dict: the same address can stand twice in /etc/hosts, and the order is a preference.
    return list(dict.fromkeys(node.addr[0].decode("ascii") for node in result.nodes))


def _name(text: str) -> str:
    return text.removesuffix(".") or "."


_SHOWN: dict[str, Callable[[Any], str]] = {
    "A": lambda data: str(data.addr),
    "AAAA": lambda data: str(data.addr),
    "CNAME": lambda data: _name(data.cname),
    "NS": lambda data: _name(data.nsdname),
    "PTR": lambda data: _name(data.dname),
    "MX": lambda data: f"{data.priority} {_name(data.exchange)}",
    "TXT": lambda data: data.data.decode("utf-8", "replace"),
    "SRV": lambda data: f"{data.priority} {data.weight} {data.port} {_name(data.target)}",
    "CAA": lambda data: f'{data.critical} {data.tag} "{data.value}"',
    "SOA": lambda data: (
        f"{_name(data.mname)} {_name(data.rname)} {data.serial} {data.refresh} "
        f"{data.retry} {data.expire} {data.minimum}"
    ),
}
