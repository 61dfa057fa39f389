"""What a variable is as Compose sees it: that of the shell, or of compose/.env."""

import os
import shutil
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


def keep(name: str, value: str) -> None:
    """Write a variable into compose/.env, for every later `docker compose`; all else stays."""
    env = PROJECT / ".env"
    lines = env.read_text().splitlines() if env.exists() else []
    lines = [line for line in lines if not line.startswith(f"{name}=")]
    draft = env.with_name(".env.new")
    draft.write_text("\n".join([*lines, f"{name}={value}", ""]))
    if env.exists():
        # It may be narrow, because there are passwords in it.
        shutil.copymode(env, draft)
    draft.replace(env)


def secrets_folder() -> Path:
    """Return where the files of secrets are."""
    return Path(os.path.normpath(PROJECT / (variable("SECRETS_FOLDER") or "../secrets")))
