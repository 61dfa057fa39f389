"""What `each` runs, where, and what it leaves behind."""

import signal
import subprocess
import time
from pathlib import Path

from course.tests.scratch import CourseTestCase, Repository

LIMIT = 20.0


def wait_for(path: Path) -> None:
    """Wait until ``path`` exists; give up after some seconds."""
    end = time.monotonic() + LIMIT
    while not path.exists():
        if time.monotonic() > end:
            raise AssertionError(f"{path} did not appear within {LIMIT} s")
        time.sleep(0.01)


class TestEach(CourseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.seen = self.folder / "seen"

    def shell(self, script: str) -> tuple[str, ...]:
        return ("--", "sh", "-c", f"exec 3>>'{self.seen}'; {script}")

    def lines(self) -> list[str]:
        return self.seen.read_text().splitlines() if self.seen.exists() else []

    def test_every_stage_from_01_is_run_at_its_own_tree(self) -> None:
        script = 'echo $STAGE $(ls app | tail -n 1) >&3; test "$PWD" = "$(pwd -P)"'

        outcome = self.repository.course("each", *self.shell(script))

        self.assertEqual(outcome.code, 0, outcome.err)
        expected = [f"0{number} 0{number}.py" for number in range(1, 8)]
        self.assertEqual(self.lines(), expected)
        self.assertIn("== stage 05 PostgreSQL (", outcome.out)
        self.assertRegex(outcome.out, r"\nstage 07  ok +[0-9.]+ s\n\Z")
        self.assertEqual(self.repository.worktrees(), 1)

    def test_a_range_or_single_stages_can_be_chosen(self) -> None:
        for options, expected in (
            (("--from", "05"), ["05", "06", "07"]),
            (("--to", "2"), ["01", "02"]),
            (("--from", "00", "--to", "01"), ["00", "01"]),
            (("--stage", "06", "--stage", "00"), ["00", "06"]),
        ):
            with self.subTest(options=options):
                self.seen.unlink(missing_ok=True)
                self.repository.course("each", *options, *self.shell("echo $STAGE >&3"))
                self.assertEqual(self.lines(), expected)

    def test_on_an_edition_the_stages_that_it_joined_are_run(self) -> None:
        self.repository.change("02", "app/02.py", "better\n")
        self.edition()
        self.repository.git("switch", "--quiet", "main")

        self.repository.course("each", "--stage", "02", *self.shell("cat app/02.py >&3"))

        self.assertEqual(self.lines(), ["better"])

    def test_every_commit_of_a_stage_can_be_run(self) -> None:
        self.repository.commit("07", "More", {"app/08.py": "more\n"})
        script = "echo $STAGE $(ls app | tail -n 1) >&3; test ! -e app/08.py"

        outcome = self.repository.course("each", "--from", "07", "--commits", *self.shell(script))

        self.assertEqual(outcome.code, 1)
        self.assertEqual(self.lines(), ["07 07.py", "07 07.py", "07 08.py"])
        ends = [line.split()[3] for line in outcome.out.splitlines() if line.startswith("stage")]
        self.assertEqual(ends, ["ok", "ok", "failed,"])

    def test_it_works_in_a_linked_worktree(self) -> None:
        linked = Repository(self.folder / "linked")
        commit = self.repository.last("03")
        self.repository.git("worktree", "add", "--quiet", "--detach", str(linked.top), commit)

        outcome = linked.course("each", "--from", "02", *self.shell("echo $STAGE >&3"))

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(self.lines(), ["02", "03"])
        self.assertEqual(self.repository.worktrees(), 2)

    def test_the_first_failure_is_the_last_stage_run(self) -> None:
        script = "echo $STAGE >&3; test $STAGE != 03 || exit 7"

        outcome = self.repository.course("each", *self.shell(script))

        self.assertEqual(outcome.code, 1)
        self.assertEqual(self.lines(), ["01", "02", "03"])
        self.assertRegex(
            outcome.out, r"stage 03  failed, exit code 7 +[0-9.]+ s\nstage 04  not run"
        )
        self.assertEqual(self.repository.worktrees(), 1)

    def test_it_keeps_going_on_request(self) -> None:
        script = "echo $STAGE >&3; test $STAGE != 03"

        outcome = self.repository.course("each", "--keep-going", *self.shell(script))

        self.assertEqual(outcome.code, 1)
        self.assertEqual(len(self.lines()), 7)

    def test_a_command_that_does_not_exist_fails_without_a_traceback(self) -> None:
        outcome = self.repository.course("each", "--stage", "01", "--", "no-such-command")

        self.assertEqual((outcome.code, outcome.err), (1, ""))
        # It is 126, as in a shell, where the PATH has a folder that may not be looked into.
        self.assertRegex(outcome.out, r"\nno-such-command: (No such file|Permission denied)")
        self.assertRegex(outcome.out, r"failed, exit code 12[67]")

    def test_a_second_double_dash_belongs_to_the_command(self) -> None:
        outcome = self.repository.run("each", "--stage", "01", "--", "echo", "--", "--help")

        self.assertIn("\n-- --help\n", outcome.out)

    def test_the_command_is_not_tied_to_the_repository_of_a_hook(self) -> None:
        hook = {
            "GIT_DIR": str(self.repository.top / ".git"),
            "GIT_WORK_TREE": str(self.repository.top),
            "GIT_INDEX_FILE": str(self.folder / "index"),
        }
        script = "git rev-parse HEAD >&3; git status --porcelain >&3"

        outcome = self.repository.run("each", "--stage", "02", *self.shell(script), env=hook)

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(self.lines(), [self.repository.last("02")])

    def test_a_signal_is_passed_on_and_the_worktree_removed(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.seen.unlink(missing_ok=True)
                started = self.folder / f"started-{number}"
                name = number.name.removeprefix("SIG")
                script = (
                    f"trap 'echo stopped >&3; exit 0' {name}; touch '{started}'; "
                    "while :; do sleep 0.02; done"
                )
                with self.repository.start("each", *self.shell(script)) as process:
                    wait_for(started)
                    self.assertEqual(self.repository.worktrees(), 2)

                    process.send_signal(number)

                    try:
                        out, err = process.communicate(timeout=LIMIT)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        raise
                self.assertEqual(process.returncode, 128 + number, err)
                self.assertEqual(self.lines(), ["stopped"])
                self.assertIn("stage 02  not run", out)
                self.assertNotIn("Traceback", err)
                self.assertEqual(self.repository.worktrees(), 1)

    def test_a_worktree_is_removed_with_what_the_command_left_in_it(self) -> None:
        script = "pwd >&3; mkdir -p made/here; touch made/here/file; chmod -w made/here"

        outcome = self.repository.course("each", "--stage", "04", *self.shell(script))

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(self.repository.worktrees(), 1)
        self.assertFalse(Path(self.lines()[0]).exists())


class TestEachWithFolder(CourseTestCase):
    def test_the_worktrees_are_kept_and_reset_but_for_ignored_files(self) -> None:
        kept = self.folder / "kept"
        options = ("each", "--stage", "03", "--dir", str(kept), "--", "sh", "-c")
        spoil = "echo spoilt > app/03.py; touch new made.log; ls new made.log"
        first = self.repository.run(*options, spoil)
        self.assertEqual(first.code, 0, first.err)
        self.repository.change("03", "app/03.py", "better\n")

        second = self.repository.run(*options, "cat app/03.py; ls")

        self.assertEqual(second.code, 0, second.err)
        self.assertIn("\nbetter\n", second.out)
        self.assertIn("\nmade.log\n", second.out)
        self.assertNotIn("\nnew\n", second.out)
        self.assertEqual(self.repository.worktrees(), 2)

    def test_someone_elses_worktree_is_left_alone(self) -> None:
        own = self.folder / "own" / "03"
        self.repository.git("worktree", "add", "--quiet", "--detach", str(own))
        (own / "README.md").write_text("not committed yet\n")

        outcome = self.repository.run("each", "--stage", "03", "--dir", str(own.parent), "--", "ls")

        self.assertEqual(outcome.code, 2)
        self.assertIn("is not a worktree made by", outcome.err)
        self.assertEqual((own / "README.md").read_text(), "not committed yet\n")
