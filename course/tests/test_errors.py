"""Error messages of commands that can't do their work."""

from course.tests.scratch import CourseTestCase, Repository

INDEPENDENT = (("list",), ("tag",), ("tip",), ("verify",))
READING = (("diff", "03"), ("log", "03"), ("commits",))
DEPENDENT = (("each", "--", "true"), ("edition", "-m", "Why"))
COMMANDS = INDEPENDENT + READING + DEPENDENT


class TestErrors(CourseTestCase):
    def test_every_command_has_help(self) -> None:
        for command, *_ in COMMANDS:
            with self.subTest(command=command):
                outcome = self.repository.course(command, "--help")
                self.assertEqual(outcome.code, 0)
                self.assertIn(f"usage: python3 -m course {command}", outcome.out)
                self.assertGreater(len(outcome.out.splitlines()), 6)

    def test_the_help_lists_the_commands(self) -> None:
        outcome = self.repository.run("--help")

        self.assertEqual(outcome.code, 0)
        for command, *_ in COMMANDS:
            self.assertRegex(outcome.out, rf"\n +{command} +\w")

    def test_outside_a_clone_every_command_refuses(self) -> None:
        outside = Repository(self.folder)
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assert_error(outside.course(*command), "not inside a git clone")

    def test_in_a_shallow_clone_every_command_refuses(self) -> None:
        shallow = self.clone("shallow", "--depth", "3")
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assert_error(shallow.course(*command), "git fetch --unshallow")

    def test_uncommitted_changes_stop_commands_that_would_leave_them_out(self) -> None:
        for path in ("README.md", "app/new.py"):
            self.repository.write(path, "changed\n")
            for command in DEPENDENT:
                with self.subTest(command=command, path=path):
                    self.assert_error(self.repository.course(*command), "uncommitted changes")
            self.repository.git("stash", "--quiet", "--include-untracked")

    def test_uncommitted_changes_are_noted_by_the_other_commands(self) -> None:
        self.repository.write("README.md", "changed\n")
        for command in INDEPENDENT:
            with self.subTest(command=command):
                outcome = self.repository.course(*command)
                self.assertEqual(outcome.code, 0)
                self.assertEqual(
                    outcome.err, "note: uncommitted changes are not part of any stage\n"
                )
                self.assertNotEqual(outcome.out, "")

    def test_an_ignored_file_is_no_change(self) -> None:
        self.repository.write("made.log", "ignored\n")

        self.assertEqual(self.repository.course("list").err, "")

    def test_each_runs_with_uncommitted_changes_on_request(self) -> None:
        self.repository.write("README.md", "changed\n")

        outcome = self.repository.run(
            "each", "--allow-dirty", "--stage", "01", "--", "cat", "README.md"
        )

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertIn("\nread me\n", outcome.out)

    def test_commands_on_main_report_a_missing_main(self) -> None:
        self.repository.git("branch", "--delete", "--force", "main")
        for command in ("tag", "tip", "verify"):
            with self.subTest(command=command):
                self.assert_error(self.repository.course(command), "no branch main")

    def test_a_main_that_does_not_exist_is_named(self) -> None:
        for rev in ("no-such", "--upload-pack=x"):
            self.assert_error(self.repository.course("verify", f"--main={rev}"), rev)

    def test_a_repository_without_stages_is_recognized(self) -> None:
        self.repository.git("switch", "--quiet", "--orphan", "other")
        self.repository.commit(None, "Something else", {"file": "1\n"})
        self.repository.git("branch", "--force", "main")
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assert_error(self.repository.course(*command), "no Stage trailers")

    def test_a_repository_without_commits_is_recognized(self) -> None:
        empty = Repository(self.folder / "empty")
        empty.top.mkdir()
        empty.git("init", "--quiet")
        for command in (("list",), *DEPENDENT):
            with self.subTest(command=command):
                self.assert_error(empty.course(*command), "no commit at HEAD")

    def test_a_missing_stage_is_named_in_the_error(self) -> None:
        outcome = self.repository.course("each", "--from", "09", "--", "true")

        self.assert_error(outcome, "no stage 09")

    def test_each_without_a_command_explains_its_usage(self) -> None:
        self.assert_error(self.repository.course("each"), "after --")

    def test_a_command_run_in_a_subfolder_covers_the_whole_clone(self) -> None:
        below = Repository(self.repository.top / "app")

        self.assertEqual(below.course("list").out, self.repository.course("list").out)

    def test_a_reader_that_stops_early_causes_no_traceback(self) -> None:
        for much in ([], ["--commits"]):
            with self.subTest(much=much), self.repository.start("list", *much) as process:
                assert process.stdout is not None
                process.stdout.close()
                _, err = process.communicate(timeout=60)

                self.assertEqual(err, "")
