"""Which addresses the guard lets through."""

import pytest

from app.probing.guard import Guard, RefusedAddress


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
        "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
        "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "2001:db8::1", "3fff::1", "2001:2::1", "100::1", "64:ff9b:1::1", "5f00::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "::8.8.8.8", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:80ff:fffe", "::ffff:0:127.0.0.1",
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_refuses_what_the_internet_does_not_route(ip: str) -> None:
    with pytest.raises(RefusedAddress, match="not in ALLOWED_NETWORKS"):
        Guard(()).check(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0",
        "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
        "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "2002:808:808::1",
        "64:ff9b::8.8.8.8",
    ],
)  # fmt: skip  # one a line would be longer, not clearer
def test_it_lets_public_addresses_through(ip: str) -> None:
    Guard(()).check(ip)


def test_a_refusal_names_the_kind_of_address() -> None:
    with pytest.raises(RefusedAddress) as refused:
        Guard(()).check("127.0.0.1")

    assert str(refused.value) == (
        "127.0.0.1 is a loopback address; its network is not in ALLOWED_NETWORKS"
    )


def test_a_refusal_names_the_address_inside_a_mapped_one() -> None:
    with pytest.raises(RefusedAddress, match=r"which is 169\.254\.169\.254, is a link-local"):
        Guard(()).check("::ffff:169.254.169.254")


@pytest.mark.parametrize("ip", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::1"])
def test_it_lets_allowed_networks_through_also_wrapped(ip: str) -> None:
    Guard(("10.0.0.0/8", "fd00::/8")).check(ip)


@pytest.mark.parametrize("ip", ["11.0.0.1", "192.168.0.1", "::1", "::ffff:127.0.0.1"])
def test_an_allowed_network_allows_nothing_else(ip: str) -> None:
    guard = Guard(("10.0.0.0/8",))

    if ip == "11.0.0.1":
        guard.check(ip)
    else:
        with pytest.raises(RefusedAddress):
            guard.check(ip)


def test_an_allowed_network_may_be_written_in_mapped_form() -> None:
    Guard(("::ffff:10.0.0.0/104",)).check("10.1.2.3")


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "1.2.3.4.5", "[::1]"])
def test_text_that_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(RefusedAddress, match="is not an address"):
        Guard(("0.0.0.0/0",)).check(text)


def test_it_gives_the_same_answer_twice() -> None:
    guard = Guard(())

    for _ in range(2):
        guard.check("8.8.8.8")
        with pytest.raises(RefusedAddress):
            guard.check("10.0.0.1")
