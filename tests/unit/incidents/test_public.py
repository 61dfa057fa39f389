"""The public version of a failure's reason."""

import pytest

from app.incidents.public import public_event, public_reason
from tests.unit.incidents.reasons import REASONS


@pytest.mark.parametrize(("reason", "said"), REASONS.items())
def test_a_reason_is_reduced_to_its_kind(reason: str, said: str) -> None:
    assert public_reason(reason) == said


def test_a_public_event_keeps_all_but_the_details() -> None:
    event = {"monitor_id": 7, "name": "Shop", "state": "down", "error": "host not found: db.lan"}

    assert public_event(event) == event | {"error": "host not found"}
    assert public_event({"monitor_id": None}) == {"monitor_id": None}
    assert public_event({"error": None, "acknowledged_by": "Ada"}) == {
        "error": None,
        "acknowledged_by": None,
    }
