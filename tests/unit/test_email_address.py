"""Which email addresses are accepted, and which are considered equal."""

import pytest

from app.email_address import email_address, mailbox


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.O'Hara+news@Example.COM", "Ann.O'Hara+news@example.com"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_the_domain_is_written_as_servers_accept_it(text: str, address: str) -> None:
    assert email_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@example.com.",
        ".ann@example.com",
        "a..nn@example.com",
        '"a nn"@example.com',
        "a nn@example.com",
        "ann@exa mple.com",
        "ann@example.com\nBcc: x@example.com",
        "ann\r@example.com",
        "ann@[192.0.2.1]",
        "ann@-example.com",
        "änn@example.com",
        "ann@" + "a" * 64 + ".com",
    ],
)
def test_an_invalid_email_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        email_address(text)


def test_a_plus_suffix_is_the_same_mailbox() -> None:
    spelled = ("ann@example.com", "Ann@example.com", "ann+news@example.com", "ANN+a+b@example.com")

    assert {mailbox(address) for address in spelled} == {"ann@example.com"}
    assert mailbox("+x@example.com") == "+x@example.com"
