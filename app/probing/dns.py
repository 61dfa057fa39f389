"""The check that a name has a record. It must not reveal internal hosts."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from time import perf_counter
from typing import Any

import aiodns
import pycares

from app.probing.connect import Connector
from app.probing.guard import Guard, RefusedAddress
from app.probing.resolve import NameServerFailure, NoRecord, UnknownHost
from app.probing.result import Failure, Stopwatch, added
from app.probing.targets import DnsTarget
from app.probing.urls import numeric_address

SHOWN_LIMIT = 5
# Position of the host name in a record, by type.
_HOST_WORD = {"CNAME": 0, "MX": 1, "NS": 0, "PTR": 0, "SOA": 0, "SRV": 3}


async def check_dns(connector: Connector, target: DnsTarget, watch: Stopwatch) -> None:
    """Return if there are records, including any expected one; raise Failure otherwise.

    Names are compared ignoring case and a final dot, addresses by value, TXT as it is. An expected
    MX record may be given by its host alone. /etc/hosts is not used. The guard applies to reverse
    names that are queried, to the addresses in the answer, and to the hosts that would be shown.
    """
    watch.phase = "resolving"
    guard = connector.guard
    record_type = target.record_type
    name = target.hostname
    if record_type == "PTR" and (address := numeric_address(name)):
        name = ip_address(address).reverse_pointer
    _check_names(guard, [name])
    started = perf_counter()
    answer = await connector.resolver.query(name, record_type)
    watch.dns_ms = added(None, started)
    _check_names(guard, _read(answer, "CNAME"))
    # The answer also contains the aliases on the way.
    records = _read(answer, record_type)
    if not records:
        raise NoRecord(f"no {record_type} record for {target.hostname}")
    if record_type in ("A", "AAAA"):
        _check_addresses(guard, f"the {record_type} record of {target.hostname}", records)
    if target.expected is None:
        return
    expected = _normal(record_type, target.expected)
    found = {_normal(record_type, record) for record in records}
    if record_type == "MX":
        found |= {record.partition(" ")[2] for record in found}
    if expected not in found:
        shown = sorted(records)[:SHOWN_LIMIT]
        await _check_hosts(connector, target, shown)
        more = ", …" if len(records) > SHOWN_LIMIT else ""
        raise Failure(f"{record_type} record is {', '.join(shown)}{more}, not {target.expected}")


def _check_names(guard: Guard, names: Iterable[str]) -> None:
    try:
        for name in names:
            guard.check_name(name)
    except RefusedAddress as refused:
        raise Failure(f"address refused: {refused}") from None


def _check_addresses(guard: Guard, what: str, addresses: Iterable[str | None]) -> None:
    """Raise Failure, without naming the address, if one of them is refused."""
    try:
        for address in addresses:
            if address is not None:
                guard.check(address)
    except RefusedAddress as refused:
        raise Failure(
            f"address refused: {what} is {refused.kind} address; "
            "its network is not in ALLOWED_NETWORKS"
        ) from None


async def _check_hosts(connector: Connector, target: DnsTarget, records: Iterable[str]) -> None:
    """Raise Failure if the name or a host in `records` resolves to refused addresses.

    An internal zone's records must not be shown; its hosts have internal addresses.
    """
    if target.record_type in ("A", "AAAA"):
        return
    hosts = {target.hostname}
    word = _HOST_WORD.get(target.record_type)
    if word is not None:
        hosts |= {record.split(" ")[word] for record in records}
    for host in sorted(hosts):
        try:
            addresses = await connector.resolver.addresses(host)
        except (UnknownHost, NameServerFailure):
            # Without an address, it cannot lead anywhere that is refused.
            continue
        what = f"the address of a host in the {target.record_type} record"
        _check_addresses(connector.guard, what, addresses)


def _read(answer: pycares.DNSResult, record_type: str) -> list[str]:
    """Return the records of a type as strings in zone-file notation, without final dots."""
    show, code = _TEXT[record_type], aiodns.query_type_map[record_type]
    return [show(record.data) for record in answer.answer if record.type == code]


def _normal(record_type: str, text: str) -> str:
    if record_type == "TXT":
        return text
    if record_type in ("A", "AAAA"):
        try:
            return ip_address(text.strip()).compressed
        except ValueError:
            # Not an address: compare and show it as written.
            return text
    return " ".join(word.removesuffix(".").lower() for word in text.split())


def _name(text: str) -> str:
    return text.removesuffix(".") or "."


_TEXT: dict[str, Callable[[Any], str]] = {
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
