"""`make run` at every shape of stage: what it would do, without doing it."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"


class MakeRun(unittest.TestCase):
    def plan(self, *files: str, target: str = "run") -> subprocess.CompletedProcess[str]:
        """Return what `make TARGET` would do in a tree with these files."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(MAKEFILE, folder)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        return subprocess.run(
            ["make", "--dry-run", target], cwd=folder, capture_output=True, text=True, check=False
        )

    def test_without_a_program_it_names_the_page(self) -> None:
        self.assertIn("course/guide/01.md", self.plan("compose/01.yml").stdout)

    def test_a_script_without_dependencies_runs_at_once(self) -> None:
        planned = self.plan("compose/02.yml", "app/probe.py").stdout

        self.assertIn("python3 -m app.probe", planned)
        self.assertNotIn("pip", planned)

    def test_one_lock_file_is_installed(self) -> None:
        planned = self.plan("compose/03.yml", "app/__main__.py", "requirements.lock")

        self.assertEqual(planned.stderr, "")
        self.assertIn("--require-hashes -r requirements.lock", planned.stdout)
        self.assertIn("-m app", planned.stdout)

    def test_the_lock_file_made_for_it_is_preferred(self) -> None:
        files = ("worker/local.py", "requirements.lock", "requirements-local.lock")

        planned = self.plan("compose/07.yml", *files).stdout

        self.assertIn("--require-hashes -r requirements-local.lock", planned)
        self.assertIn("-m worker.local", planned)

    def test_the_image_is_named_after_project_and_stage(self) -> None:
        planned = self.plan("compose/base.yml", "compose/05.yml", target="image").stdout

        self.assertIn("docker build -t stagewatch:stage-05 .", planned)

    def test_contracts_are_checked_where_there_are_some(self) -> None:
        files = ("compose/05.yml", "requirements-dev.lock")

        without = self.plan(*files, target="lint").stdout
        with_ = self.plan(*files, ".importlinter", target="lint").stdout

        self.assertNotIn("lint-imports", without)
        self.assertIn("lint-imports", with_)
