"""`measure` with a fake engine: the commands it runs, and what it leaves behind."""

import os
from unittest import mock

from course.figures import BEGIN, END
from course.tests.scratch import CourseTestCase, Outcome

DOCKER = """#!/bin/sh
echo "$*" >>"$0.log"
case "$*" in
build*/03) echo first >&2; echo 'ERROR: failed to solve' >&2; exit 1 ;;
*'image inspect'*) printf '200000000 6\\n138000000 4\\n' ;;
'image ls'*) echo 0123456789ab ;;
compose*' ps '*) printf 'one\\ntwo\\n' ;;
stats*) printf '10MiB / 1GiB\\n2MiB / 1GiB\\n' ;;
info*) echo '99.1|2|x86_64|8589934592|An OS' ;;
esac
"""


class TestMeasure(CourseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.docker = self.folder / "bin/docker"
        self.docker.parent.mkdir()
        self.docker.write_text(DOCKER)
        self.docker.chmod(0o755)
        self.repository.change("02", "Dockerfile", "FROM python:3.14-slim\n")
        self.repository.change("02", "app/probe.py", "first\n")
        self.repository.change("04", "requirements.lock", "first\n")

    def measure(self, *options: str) -> Outcome:
        path = f"{self.docker.parent}{os.pathsep}{os.environ['PATH']}"
        with (
            mock.patch("course.measure._SETTLING", 0),
            mock.patch.dict(os.environ, {"PATH": path}),
        ):
            return self.repository.course("measure", *options)

    def asked(self) -> list[str]:
        return self.docker.with_name("docker.log").read_text().splitlines()

    def test_each_stage_from_02_has_a_row_made_from_the_engines_answers(self) -> None:
        outcome = self.measure("--from", "04", "--to", "05")

        self.assertEqual(outcome.code, 0, outcome.err)
        for stage in ("04", "05"):
            self.assertRegex(
                outcome.out,
                rf"\| {stage} \| 200\.0 MB \| 62\.0 MB \| 2 \| [\d.]+ s \| [\d.]+ s"
                r" \| [\d.]+ s \| 12 MiB \|",
            )
        self.assertIn("Docker 99.1, An OS, 2 cores (x86_64), 8 GiB of memory:", outcome.out)
        self.assertEqual(self.repository.worktrees(), 1)

    def test_a_script_is_built_but_there_is_nothing_to_wait_for(self) -> None:
        outcome = self.measure("--to", "02")

        self.assertRegex(outcome.out, r"\| 02 \|.* s \| - \| - \|")
        self.assertFalse(any(" up " in line for line in self.asked()))

    def test_a_stage_that_fails_is_named_and_the_others_keep_their_rows(self) -> None:
        outcome = self.measure("--to", "04")

        self.assertEqual(outcome.code, 1)
        self.assertIn("Stage 03 was not measured to its end: docker build: ERROR", outcome.out)
        self.assertIn("| 02 | 200.0 MB |", outcome.out)
        self.assertIn("| 04 | 200.0 MB |", outcome.out)

    def test_everything_created_is_removed_even_after_a_failure(self) -> None:
        self.measure("--from", "03", "--to", "03")

        asked = "\n".join(self.asked())
        self.assertRegex(asked, r"compose .*/03\.yml down --volumes --remove-orphans")
        self.assertRegex(
            asked, r"image prune --all --force --filter label=\S+=stagewatch-measure-03"
        )
        self.assertRegex(
            asked, r"builder prune --force --filter description~=stagewatch-measure-03"
        )

    def test_the_table_is_written_into_the_page_if_asked(self) -> None:
        self.repository.change("00", "course/guide/09.md", f"{BEGIN}\nof last week\n{END}\n")
        page = self.repository.top / "course/guide/09.md"

        self.measure("--from", "07")
        self.assertIn("of last week", page.read_text())
        self.measure("--from", "07", "--write")

        self.assertNotIn("of last week", page.read_text())
        self.assertIn("| 07 | 200.0 MB |", page.read_text())
