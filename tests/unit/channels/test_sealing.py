"""A sealed secret opens with its key only; without the key, the error says what to do."""

import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest

from app.channels.sealing import SEALED, CannotOpen, Sealer

OLD, NEW, OTHER = (secrets.token_urlsafe(32) + "=" for _ in range(3))
SECRET = "whsec_" + 32 * "é"


def test_a_sealed_secret_is_unreadable_and_can_be_opened_again() -> None:
    sealer = Sealer([NEW])

    sealed = sealer.seal(SECRET)

    assert sealed.startswith(SEALED)
    assert SECRET not in sealed
    assert sealer.open(sealed) == SECRET
    # Equal secrets of two channels do not look alike.
    assert sealer.seal(SECRET) != sealed


def test_without_a_key_nothing_is_sealed() -> None:
    assert Sealer([]).seal(SECRET) == SECRET


def test_secrets_stored_before_there_was_a_key_are_read_as_they_are() -> None:
    assert Sealer([NEW]).open(SECRET) == SECRET
    assert Sealer([NEW]).look(SECRET).key is None


def test_the_first_key_seals_and_older_ones_open() -> None:
    sealed = Sealer([OLD]).seal(SECRET)
    both = Sealer([NEW, OLD])

    assert both.look(sealed) == (SECRET, 1)
    assert both.look(both.seal(sealed)) == (sealed, 0)
    assert Sealer([NEW]).open(both.seal(SECRET)) == SECRET


@pytest.mark.parametrize("keys", [[], [OTHER], [NEW, OTHER]])
def test_the_error_for_a_missing_key_says_what_to_do(keys: list[str]) -> None:
    sealed = Sealer([OLD]).seal(SECRET)

    with pytest.raises(CannotOpen, match="put that key back, or give the channel a new secret"):
        Sealer(keys).open(sealed)


@pytest.mark.parametrize("change", [lambda token: token[:-8], lambda _: "", lambda _: "é?"])
def test_a_secret_changed_in_the_database_does_not_open(change: Callable[[str], str]) -> None:
    sealer = Sealer([NEW])
    sealed = SEALED + change(sealer.seal(SECRET).removeprefix(SEALED))

    with pytest.raises(CannotOpen):
        sealer.open(sealed)


def test_secrets_are_compared_in_plain_form() -> None:
    sealer = Sealer([NEW])

    assert sealer.holds(sealer.seal(SECRET), SECRET)
    assert sealer.holds(SECRET, SECRET)
    assert not sealer.holds(sealer.seal(SECRET), SECRET + "x")
    assert not sealer.holds(None, SECRET)
    assert not sealer.holds(Sealer([OTHER]).seal(SECRET), SECRET)


def test_the_library_is_loaded_when_it_is_needed_and_not_when_a_process_starts() -> None:
    program = "import sys, app.main, worker.engine; sys.exit('nacl' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
