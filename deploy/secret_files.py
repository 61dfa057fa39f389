"""Makes the files of secrets: `make secrets`, or python3 -m deploy.secret_files [FOLDER].

What is there already is kept, whatever is in it: another password would lock the stack out of its
own data. Only the passwords of Redis' exporter, which are a copy, follow.
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
    # The first key to the API, and the way back in when all others are lost.
    "api_key": lambda: "sw_" + secrets.token_urlsafe(32),
}
# What nobody but the operator can know. Compose wants a file for every secret, so those that are
# not used are empty.
GIVEN = {
    "alert_webhook_url": "http://localhost:9/nobody-is-told",
    "smtp_url": "",
}
# The exporter wants a password for every address, as JSON. REDIS_ADDR has the same one.
EXPORTER = "redis_exporter_passwords"
REDIS_ADDRESS = "redis://redis:6379"


def make(folder: Path) -> list[str]:
    """Make what is missing in `folder`; return the names of the files that were made."""
    if not folder.exists():
        # Whoever is not its owner does not get as far as the files.
        folder.mkdir(mode=0o700, parents=True)
    made = []
    for name, new in RANDOM.items():
        # An empty one is what is left when a disk was full.
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
    # Whole or not at all, however this process ends. To be read by all who get that far: Compose
    # mounts the file as it is, and each container's user is another number. The folder is what
    # keeps this machine's other users out.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(content)
    draft.chmod(0o444)
    draft.replace(path)


def main(arguments: list[str]) -> None:
    """Make them, and say what was done."""
    folder = Path(arguments[0]) if arguments else secrets_folder()
    made = make(folder)
    print(f"{folder}: " + (f"made {', '.join(made)}" if made else "all there, nothing changed"))
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        print(f"{folder}: other users of this machine can read it: chmod 700 {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
