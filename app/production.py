"""Check that passwords are strong enough for production."""

# Used in compose/.env.example and in developers' databases. Not a secret: anyone can read it here.
EXAMPLE_PASSWORD = "stagewatch"  # noqa: S105  # as the comment says

# Characters: shorter passwords are refused. `make secrets` makes 43, which can't be guessed.
SHORTEST = 16
# Typical placeholders for a password, matched in any case and as part of a longer text.
_PLACEHOLDERS = (
    "stagewatch",
    "changeme",
    "change-me",
    "change_me",
    "password",
    "secret",
    "example",
)


def weakness(password: object) -> str | None:
    """Return what is wrong with a password for production, without showing it; None: nothing."""
    if password is None:
        return "there is no password"
    text = str(password)
    if text.lower() == EXAMPLE_PASSWORD:
        return "it is the example password"
    if len(text) < SHORTEST:
        return f"it is shorter than {SHORTEST} characters"
    if any(word in text.lower() for word in _PLACEHOLDERS) or len(set(text)) < SHORTEST // 2:
        return "it is a placeholder"
    return None
