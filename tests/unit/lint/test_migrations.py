"""The SQL that the linter of migrations gets, and the faults that it finds."""

import subprocess
import sys
from pathlib import Path

from tests.stack.support import ROOT


def sql_files(folder: Path) -> list[Path]:
    command = [sys.executable, "-m", "lint.migrations", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return sorted(folder.iterdir())


def squawk(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("squawk"), *files]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_migration_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = sql_files(tmp_path)

    migrations = (ROOT / "migrations/versions").glob("*.py")
    assert [file.stem for file in files] == sorted(path.stem[:4] for path in migrations)
    for file in files:
        assert file.read_text().count("-- Running upgrade") == 1


def test_a_migration_that_blocks_other_transactions_is_found(tmp_path: Path) -> None:
    file = sql_files(tmp_path)[-1]
    assert squawk(file).returncode == 0
    with file.open("a") as migration:
        migration.write("ALTER TABLE monitors ALTER COLUMN name SET NOT NULL;\n")

    found = squawk(file)

    assert found.returncode == 1
    assert "adding-not-nullable-field" in found.stdout
