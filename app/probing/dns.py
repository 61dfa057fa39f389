"""The check that a name has a record."""

from ipaddress import ip_address
from time import perf_counter

from app.probing.connect import Network
from app.probing.failure import Failure
from app.probing.stopwatch import Stopwatch, added
from app.probing.targets import DnsTarget

_SHOWN = 5


async def check_dns(network: Network, target: DnsTarget, watch: Stopwatch) -> None:
    """Return if the record is there, and the expected one among them; raise Failure if not.

    Names are compared without regard to case and a final dot, addresses by value, TXT as it is.
    An MX record may be expected by its host alone. /etc/hosts is not looked at.
    """
    watch.phase = "resolving"
    started = perf_counter()
    records = await network.resolver.query(target.hostname, target.record_type)
    watch.dns_ms = added(None, started)
    if target.expected is None:
        return
    expected = _normal(target.record_type, target.expected)
    found = {_normal(target.record_type, record) for record in records}
    if target.record_type == "MX":
        found |= {record.partition(" ")[2] for record in found}
    if expected not in found:
        shown = ", ".join(sorted(records)[:_SHOWN]) + (", …" if len(records) > _SHOWN else "")
        raise Failure(f"{target.record_type} record is {shown}, not {target.expected}")


def _normal(record_type: str, text: str) -> str:
    if record_type == "TXT":
        return text
    if record_type in ("A", "AAAA"):
        try:
            return ip_address(text.strip()).compressed
        except ValueError:
            return text
    return " ".join(word.removesuffix(".").lower() for word in text.split())
