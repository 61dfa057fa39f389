"""What a password must not be where it counts."""

# Of compose/.env.example and of a developer's database. Not a secret: everybody can read it here.
EXAMPLE_PASSWORD = "stagewatch"  # noqa: S105  # as the comment says

# Characters. `make secrets` makes 43, which nobody can guess; this is what is refused.
SHORTEST = 16
# What is written where a password is to be put in, in whatever case and with whatever around it.
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
        return "it is the password of the examples"
    if len(text) < SHORTEST:
        return f"it is shorter than {SHORTEST} characters"
    if any(word in text.lower() for word in _PLACEHOLDERS) or len(set(text)) < SHORTEST // 2:
        return "it is a placeholder"
    return None
