"""How a check's result is prepared for storage."""

from app.probing.result import reason


def test_a_reason_can_be_stored_and_read() -> None:
    assert reason("a\x00b\n\tc\ud800d\u202ee  f ") == "a b c d e f"
    assert len(reason("x" * 1000)) == 300
    assert reason("ünï 漢字 🙂") == "ünï 漢字 🙂"
