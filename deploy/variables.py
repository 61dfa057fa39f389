"""What a variable is as Compose sees it: that of the shell, or of compose/.env."""

import os
from pathlib import Path

# With `-f compose/base.yml` first, it is where Compose reads .env, and what paths are relative to.
PROJECT = Path("compose")


def variable(name: str) -> str | None:
    """Return a variable's value; None if it is not set, or to nothing."""
    if value := os.environ.get(name):
        return value
    env = PROJECT / ".env"
    lines = env.read_text().splitlines() if env.exists() else []
    values = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
    return values[-1].strip("\"' ") or None if values else None


def secrets_folder() -> Path:
    """Return where the files of secrets are."""
    return Path(os.path.normpath(PROJECT / (variable("SECRETS_FOLDER") or "../secrets")))
