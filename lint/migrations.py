"""Writes the SQL of each migration to a separate file: ``python -m lint.migrations DIR``.

A single file would hide problems: the linter treats a table that is created in the same file as
new, so that nothing can be waiting for it.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def write_sql(config: Config, folder: Path) -> list[Path]:
    """Write the SQL of the migrations to `folder`; return the files, the oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.sql"):
        old.unlink()
    files = []
    for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
        file = folder / f"{script.revision}.sql"
        with file.open("w", encoding="utf-8") as output:
            config.output_buffer = output
            before = script.down_revision or "base"
            command.upgrade(config, f"{before}:{script.revision}", sql=True)
        files.append(file)
    return files


if __name__ == "__main__":
    write_sql(Config("alembic.ini"), Path(sys.argv[1]))
