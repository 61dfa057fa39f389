"""Variables as Compose sees them: from the shell, or from compose/.env."""

import os
import shutil
from pathlib import Path

# With `-f compose/base.yml` first, Compose reads .env here and resolves relative paths from here.
PROJECT = Path("compose")


def variable(name: str) -> str | None:
    """Return a variable's value, or None if it is unset or empty."""
    if value := os.environ.get(name):
        return value
    env = PROJECT / ".env"
    lines = env.read_text().splitlines() if env.exists() else []
    values = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
    return values[-1].strip("\"' ") or None if values else None


def keep(name: str, value: str) -> None:
    """Write a variable to compose/.env, for later `docker compose` commands; keep other lines."""
    env = PROJECT / ".env"
    lines = env.read_text().splitlines() if env.exists() else []
    lines = [line for line in lines if not line.startswith(f"{name}=")]
    draft = env.with_name(".env.new")
    draft.write_text("\n".join([*lines, f"{name}={value}", ""]))
    if env.exists():
        # Its mode may be restricted, because it may contain passwords.
        shutil.copymode(env, draft)
    draft.replace(env)


def secrets_folder() -> Path:
    """Return the folder of the secret files."""
    return Path(os.path.normpath(PROJECT / (variable("SECRETS_FOLDER") or "../secrets")))
