"""Writes the SQL of every migration into a file of its own: ``python -m lint.migrations DIR``.

One file for all would hide what is to be found: a table that is made in the same file is new to the
linter, and nobody waits for it.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def write_sql(config: Config, folder: Path) -> list[Path]:
    """Write the SQL of the migrations into `folder`, oldest first; return the files."""
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
