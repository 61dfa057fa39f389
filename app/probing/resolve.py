"""Name resolution that never blocks other checks and returns answers at most a second old."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from time import perf_counter
from typing import TypeVar

import aiodns
import pycares
from pycares import errno as ares

from app.probing.result import CheckerFault, Failure, explain
from app.probing.urls import numeric_address

# c-ares caches every answer, even "no such name", for its TTL, up to an hour, and pycares has no
# switch for that. A monitor would go on checking a service's old address. The cache belongs to a
# channel, so a channel serves the lookups of one second and is then replaced.
CHANNEL_SECONDS = 1.0
# Per name server, for the first attempt; c-ares doubles it for the second. The check's deadline is
# usually earlier. This also limits how long a replaced channel waits for its last answer.
TRY_SECONDS = 2.0
TRIES = 2
# How long the name servers have to give any answer at all after a failed lookup.
SELF_TEST_SECONDS = 1.0
# Files that must be free for a new channel, in pairs: its events, resolv.conf, the hosts file, and
# a socket per name server.
FREE_PAIRS = 4

A = TypeVar("A")
R = TypeVar("R")


class UnknownHost(Failure):
    """The name servers say that there is no such name, or that it has no address."""


class NoRecord(Failure):
    """The name exists, but has no record of the type asked for."""


class NameServerFailure(Failure):
    """The name servers did not answer, or answered that they could not."""


class _Channel:
    """A resolver and the lookups of its second; `pending` counts the unanswered ones."""

    __slots__ = ("born", "lookups", "pending", "resolver")

    def __init__(self, resolver: aiodns.DNSResolver, born: float) -> None:
        self.resolver = resolver
        self.born = born
        self.pending = 0
        self.lookups: dict[str, asyncio.Future[list[str] | Failure]] = {}


class Resolver:
    """Asks `nameservers` ("ip" or "ip:port"), by default those of /etc/resolv.conf.

    Use it in one event loop only; nothing is opened before the first lookup. All methods raise
    CheckerFault if the name servers do not answer at all, because no name is to blame for that.
    """

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._nameservers = [_server(address) for address in nameservers] if nameservers else None
        self._channel: _Channel | None = None
        self._retired: set[_Channel] = set()
        # When a name server was last known to work, by perf_counter.
        self._heard = 0.0
        self._self_test: asyncio.Future[pycares.DNSResult | Failure] | None = None
        self._closed = False

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
                _has_public_address,
            )
        return await self._answer(lookup)

    async def query(self, name: str, record_type: str) -> pycares.DNSResult:
        """Query `name` for a record type that c-ares knows, and return the answer.

        /etc/hosts is not used. Raises UnknownHost, NoRecord or NameServerFailure.
        """
        channel = self._current()
        asked = channel.resolver.query_dns(name, record_type)
        nothing = NoRecord(f"no {record_type} record for {name}")
        return await self._answer(
            self._follow(channel, asked, name, nothing, lambda answer: answer, lambda _: False)
        )

    async def ensure_answering(self, since: float) -> None:
        """Return if a name server has worked since `since`, by perf_counter, or works now.

        Otherwise raise CheckerFault. The test query asks for the root's name servers, which every
        resolver knows; an empty answer or a refusal counts as an answer too.
        """
        if self._heard >= since:
            return
        test = self._self_test
        if test is None or test.done():
            # On a separate channel: the answer must not come from a cache.
            channel = self._open()
            self._retired.add(channel)
            asked = channel.resolver.query_dns(".", "NS")
            nothing = NoRecord("no NS record for the root")
            test = self._self_test = self._follow(
                channel, asked, ".", nothing, lambda answer: answer, lambda _: True
            )
        await asyncio.wait([test], timeout=SELF_TEST_SECONDS)
        if self._heard < since:
            raise CheckerFault("the checker's name servers do not answer")

    async def close(self) -> None:
        """Cancel pending lookups and close the sockets."""
        self._closed = True
        channels = [*self._retired, *([self._channel] if self._channel else [])]
        self._channel = None
        self._retired.clear()
        for channel in channels:
            await channel.resolver.close()

    def _current(self) -> _Channel:
        channel = self._channel
        if channel is not None:
            if asyncio.get_running_loop().time() - channel.born < CHANNEL_SECONDS:
                return channel
            if channel.pending:
                self._retired.add(channel)
            # An idle channel closes itself when its last reference is dropped.
        self._channel = self._open()
        return self._channel

    def _open(self) -> _Channel:
        if self._closed:
            raise CheckerFault("the checker is stopping")
        _ensure_files()
        loop = asyncio.get_running_loop()
        try:
            resolver = aiodns.DNSResolver(
                self._nameservers, loop=loop, timeout=TRY_SECONDS, tries=TRIES
            )
        except pycares.AresError as error:
            raise CheckerFault(f"the checker can't start its resolver: {error}") from None
        return _Channel(resolver, loop.time())

    def _follow(
        self,
        channel: _Channel,
        asked: "asyncio.Future[A]",
        host: str,
        nothing: Failure,
        read: Callable[[A], R | None],
        is_proof: Callable[[R], bool],
    ) -> "asyncio.Future[R | Failure]":
        """Return a future for the outcome of `asked`; it never fails, and outlives its waiters.

        `is_proof` says whether only a working name server can have given what `read` returns.
        A cancelled check must neither deprive the others of the answer nor leave behind an
        exception that is never retrieved.
        """
        lookup: asyncio.Future[R | Failure] = asked.get_loop().create_future()
        channel.pending += 1

        def answered(asked: "asyncio.Future[A]") -> None:
            channel.pending -= 1
            if not channel.pending:
                self._retired.discard(channel)
            error = asked.exception()
            if error is None:
                found = read(asked.result())
                if found and is_proof(found):
                    self._heard = perf_counter()
                lookup.set_result(found or nothing)
                return
            code = error.args[0] if isinstance(error, aiodns.error.DNSError) else None
            if code in _HEARD:
                self._heard = perf_counter()
            lookup.set_result(nothing if code == ares.ARES_ENODATA else _failure(code, host))

        asked.add_done_callback(answered)
        return lookup

    async def _answer(self, lookup: "asyncio.Future[R | Failure]") -> R:
        since = perf_counter()
        answer = lookup.result() if lookup.done() else await asyncio.shield(lookup)
        if isinstance(answer, NameServerFailure):
            await self.ensure_answering(since)
        if isinstance(answer, Failure):
            # A copy every time: several checks may share the answer, and raising modifies it.
            raise type(answer)(answer.reason)
        return answer


def _ensure_files() -> None:
    """Raise CheckerFault if a new channel could not open its files now.

    c-ares does not report that. Without resolv.conf the channel asks 127.0.0.1 as long as it lives,
    and without a socket it says that no server can be reached. If files are free again a moment
    later, the name servers answer the test query, and the name would be blamed.
    """
    opened: list[int] = []
    try:
        for _ in range(FREE_PAIRS):
            opened += os.pipe()
    except OSError as error:
        raise explain(error) from None
    finally:
        for file in opened:
            os.close(file)


def _server(text: str) -> str:
    """Return "ip" or "ip:port" in the form c-ares expects: IPv6 addresses in brackets."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


# Answers that only a working name server can give.
_HEARD = frozenset({ares.ARES_ENOTFOUND, ares.ARES_ENODATA, ares.ARES_EREFUSED})


def _failure(code: int | None, host: str) -> Failure:
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
    # dict: an address can occur twice in /etc/hosts, and the order is a preference.
    return list(dict.fromkeys(node.addr[0].decode("ascii") for node in result.nodes))


def _has_public_address(addresses: Sequence[str]) -> bool:
    """Return whether an address is a public one.

    The others prove nothing: /etc/hosts, and Docker's resolver for the names of containers, go on
    giving them when no name server answers any more.
    """
    return any(ip_address(address).is_global for address in addresses)
