"""Decides which addresses a check may reach: public ones, and those the operator lists."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from itertools import takewhile

Address = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

# The IANA special-purpose address registries, "Globally Reachable" false or "N/A":
# https://www.iana.org/assignments/iana-ipv4-special-registry/
# https://www.iana.org/assignments/iana-ipv6-special-registry/
# plus multicast (RFC 5771, RFC 4291). They are written out because `ipaddress.is_global` answers
# differently from one Python release to the next. The single anycast addresses inside
# 192.0.0.0/24 and 2001::/23 that the registry calls reachable lead to the nearest router, which
# may be an internal one, so they stay refused.
_REFUSED_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "an unspecified"),
        ("10.0.0.0/8", "a private"),
        ("100.64.0.0/10", "a shared (carrier-grade NAT)"),
        ("127.0.0.0/8", "a loopback"),
        ("169.254.0.0/16", "a link-local"),
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),
        ("192.0.2.0/24", "a documentation"),
        ("192.88.99.0/24", "a reserved"),
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a benchmarking"),
        ("198.51.100.0/24", "a documentation"),
        ("203.0.113.0/24", "a documentation"),
        ("224.0.0.0/4", "a multicast"),
        ("255.255.255.255/32", "a broadcast"),
        ("240.0.0.0/4", "a reserved"),
    )
)
_REFUSED_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("64:ff9b:1::/48", "a private"),
        ("fc00::/7", "a private"),
        ("fe80::/10", "a link-local"),
        ("fec0::/10", "a private"),
        ("ff00::/8", "a multicast"),
        ("2001:db8::/32", "a documentation"),
        ("3fff::/20", "a documentation"),
        ("2001::/23", "a reserved"),
    )
)
# Only this eighth of the address space is allocated as global unicast (RFC 4291, section 2.4);
# anything outside it that is not listed above is reserved.
_GLOBAL_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")

_REMEMBERED = 4096


class RefusedAddress(Exception):
    """A check must not reach this address; the message is a sentence that names it and says why.

    `kind` is the reason without the address, such as "a private".
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Guard:
    """Judges addresses after name resolution; networks in `allowed` are always permitted."""

    def __init__(self, allowed: Sequence[IpNetwork | str] = ()) -> None:
        self._allowed = tuple(
            network
            for entry in allowed
            for network in _with_unmapped(ip_network(entry, strict=False))
        )
        self._verdicts: dict[str, tuple[str, str] | None] = {}

    def check(self, ip: str) -> None:
        """Return if `ip` may be reached, else raise RefusedAddress.

        For an IPv4 address embedded in an IPv6 one (mapped, compatible, 6to4, Teredo, NAT64), both
        are checked. Text that is not an address is refused.
        """
        try:
            verdict = self._verdicts[ip]
        except KeyError:
            verdict = self._judge(ip)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[ip] = verdict
        if verdict is not None:
            raise RefusedAddress(*verdict)

    def _judge(self, ip: str) -> tuple[str, str] | None:
        """Return the message and the kind of a refusal, or None."""
        try:
            # The zone names the interface, not the destination.
            address = ip_address(ip.partition("%")[0])
        except ValueError:
            # Refused, like everything that is not known to be allowed.
            return f"{ip} is not an address", "no"
        forms = [address, *_wrapped(address)]
        if any(form in network for form in forms for network in self._allowed):
            return None
        for form in reversed(forms):
            kind = _kind(form)
            if kind is not None:
                shown = ip if form is address else f"{ip}, which is {form},"
                return f"{shown} is {kind} address; its network is not in ALLOWED_NETWORKS", kind
        return None

    def check_name(self, name: str) -> None:
        """Raise RefusedAddress if `name` belongs to a reverse zone of refused addresses.

        For example, 5.0.0.10.in-addr.arpa and all names below it, and 10.in-addr.arpa, are refused
        like 10.0.0.5 and 10.0.0.0/8, for every record type. A zone with public addresses is not.
        """
        network = _reverse_network(name)
        if network is None:
            return
        kind = ""
        for address in (network[0], network[-1]):
            try:
                self.check(str(address))
            except RefusedAddress as refused:
                kind = refused.kind
            else:
                return
        raise RefusedAddress(
            f"{name} is a name for {kind} address; its network is not in ALLOWED_NETWORKS", kind
        )


def _reverse_network(name: str) -> IpNetwork | None:
    """Return the network of a name in in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5).

    Labels before the address, as used for delegations and services, are ignored.
    """
    labels = name.lower().removesuffix(".").split(".")
    if labels[-2:] == ["in-addr", "arpa"]:
        parts = _leading(labels[-3:-7:-1], re.compile(r"[0-9]{1,3}", re.ASCII))
        value = "".join([f"{int(part) & 255:02x}" for part in parts])
        width, size = 32, 8 * len(parts)
    elif labels[-2:] == ["ip6", "arpa"]:
        parts = _leading(labels[-3:-35:-1], re.compile(r"[0-9a-f]", re.ASCII))
        value = "".join(parts)
        width, size = 128, 4 * len(parts)
    else:
        return None
    if not size:
        return None
    number = int(value, 16) << (width - size)
    return IPv4Network((number, size)) if width == 32 else IPv6Network((number, size))


def _leading(labels: Sequence[str], form: re.Pattern[str]) -> list[str]:
    return list(takewhile(form.fullmatch, labels))


def _with_unmapped(network: IpNetwork) -> Iterator[IpNetwork]:
    yield network
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        inner = int(network.network_address) & 0xFFFFFFFF
        yield IPv4Network((inner, network.prefixlen - 96))


def _wrapped(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return (address.teredo[1],)
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def _kind(address: Address) -> str | None:
    """Return what makes the address unreachable from the Internet, or None."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _REFUSED_V4 if address in network), None)
    if address in _MAPPED or address in _NAT64:
        # Judged only by the embedded IPv4 address.
        return None
    for network, kind in _REFUSED_V6:
        if address in network:
            return kind
    return None if address in _GLOBAL_V6 else "a reserved"
