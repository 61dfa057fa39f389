"""Makes the secret files: `make secrets`, or python3 -m deploy.secret_files [FOLDER].

Existing files are kept, whatever they contain: a new password would lock the stack out of its own
data. Only the passwords of Redis's exporter, which are a copy, are updated.
"""

import json
import os
import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.variables import secrets_folder

# 32 random bytes; letters, digits, - and _, which need no quoting anywhere.
RANDOM: dict[str, Callable[[], str]] = {
    "database_password": lambda: secrets.token_urlsafe(32),
    "redis_password": lambda: secrets.token_urlsafe(32),
    "grafana_password": lambda: secrets.token_urlsafe(32),
    # The first API key, which still works when all others are lost.
    "api_key": lambda: "sw_" + secrets.token_urlsafe(32),
    # Encrypts the signing secrets of webhooks: 32 bytes as base64, with the padding.
    "webhook_key": lambda: secrets.token_urlsafe(32) + "=",
}
# Known only to the operator. Compose wants a file for every secret, so those that are not used
# are empty.
GIVEN = {
    "alert_webhook_url": "http://localhost:9/nobody-is-told",
    "smtp_url": "",
}
# The exporter wants a JSON object with a password per address, which must match REDIS_ADDR.
EXPORTER = "redis_exporter_passwords"
REDIS_ADDRESS = "redis://redis:6379"


def make(folder: Path) -> list[str]:
    """Make the files that are missing in `folder`; return their names."""
    if not folder.exists():
        # Other users can't get to the files.
        folder.mkdir(mode=0o700, parents=True)
    made = []
    for name, new in RANDOM.items():
        # An empty file is what a full disk leaves.
        if not _content(folder / name):
            _write(folder / name, new() + "\n")
            made.append(name)
    for name, value in GIVEN.items():
        if not (folder / name).exists():
            _write(folder / name, value and value + "\n")
            made.append(name)
    passwords = json.dumps({REDIS_ADDRESS: _content(folder / "redis_password")}) + "\n"
    if _content(folder / EXPORTER) != passwords.strip():
        _write(folder / EXPORTER, passwords)
        made.append(EXPORTER)
    return made


def _content(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write(path: Path, content: str) -> None:
    # Complete or not at all, however this process ends. Readable for everyone who can get to it:
    # Compose mounts the file with its mode, and each container's user has another uid. The
    # folder keeps this machine's other users out.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(content)
    draft.chmod(0o444)
    draft.replace(path)


def main(arguments: list[str]) -> None:
    """Make the files, and print what was done."""
    folder = Path(arguments[0]) if arguments else secrets_folder()
    made = make(folder)
    print(f"{folder}: " + (f"made {', '.join(made)}" if made else "all exist, nothing changed"))
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        print(f"{folder}: other users of this machine can read it: chmod 700 {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
