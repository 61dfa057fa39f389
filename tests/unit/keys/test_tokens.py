"""The format of a key, and what is stored of it."""

import base64

from app.keys.tokens import PREFIX_CHARACTERS, digest, is_token, new_token


def test_a_key_has_256_random_bits() -> None:
    one, other = new_token(), new_token()

    assert one != other
    assert len(base64.urlsafe_b64decode(one.removeprefix("sw_") + "=")) == 32
    assert is_token(one)


def test_the_shown_part_of_a_key_leaves_most_of_it_unknown() -> None:
    assert len(new_token()) - PREFIX_CHARACTERS >= 35


def test_an_invalid_key_is_recognised_by_its_form() -> None:
    token = new_token()

    assert not any(map(is_token, ("", "sw_", token[:-1], token + "a", token[3:], f"{token}\n")))


def test_the_key_itself_is_not_stored() -> None:
    token = new_token()

    assert len(digest(token)) == 32
    assert token.encode() not in digest(token)
    assert digest(token) == digest(token) != digest(new_token())
