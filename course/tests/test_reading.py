"""What `diff` and `log` show of a stage, and which commits `commits` finds too long."""

from course.tests.scratch import CourseTestCase


class TestDiff(CourseTestCase):
    def setUp(self) -> None:
        super().setUp()
        repository = self.repository
        repository.commit("08", "Grow", {"app/08.py": "product\n"})
        repository.commit("08", "Test it", {"tests/08.py": "test\n", "requirements.lock": "pin\n"})
        repository.commit(
            "08", "Lesson: serve", {"compose/08.yml": "lesson\n", "tests/x.py": "1\n"}
        )

    def diff(self, *options: str) -> str:
        outcome = self.repository.run("diff", "08", *options)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        return outcome.out

    def test_the_lesson_is_shown_without_tests_and_product(self) -> None:
        shown = self.diff()

        self.assertIn("+lesson", shown)
        self.assertNotIn("+product", shown)
        self.assertNotIn("tests/", shown)

    def test_the_product_is_shown_without_lesson_tests_and_locks(self) -> None:
        shown = self.diff("--product")

        self.assertIn("+product", shown)
        self.assertNotIn("+lesson", shown)
        self.assertNotIn("+test", shown)
        self.assertNotIn("+pin", shown)

    def test_the_tests_of_the_whole_stage_are_shown_alone(self) -> None:
        shown = self.diff("--tests")

        self.assertIn("tests/08.py", shown)
        self.assertIn("tests/x.py", shown)
        self.assertNotIn("app/", shown)

    def test_the_all_option_shows_the_same_as_git_between_the_tags(self) -> None:
        previous, last = self.repository.last("07"), self.repository.last("08")

        self.assertEqual(self.diff("--all").rstrip(), self.repository.git("diff", previous, last))

    def test_a_trailer_marks_a_lesson_too(self) -> None:
        self.repository.commit("09\nLesson: layers", "Shrink the image", {"Dockerfile": "small\n"})
        self.repository.commit("09", "Grow more", {"app/09.py": "product\n"})

        outcome = self.repository.run("diff", "09")

        self.assertEqual(outcome.err, "")
        self.assertIn("+small", outcome.out)
        self.assertNotIn("+product", outcome.out)

    def test_lessons_with_other_commits_between_them_are_shown_one_after_another(self) -> None:
        self.repository.commit("09", "Lesson: one", {"a": "one\n"})
        self.repository.commit("09", "Grow more", {"app/09.py": "product\n"})
        self.repository.commit("09", "Lesson: two", {"b": "two\n"})

        outcome = self.repository.run("diff", "09")

        self.assertLess(outcome.out.index("+one"), outcome.out.index("+two"))
        self.assertNotIn("+product", outcome.out)
        self.assertIn("stage 09 has 2 lessons; --lesson 1 shows only the first", outcome.err)

    def test_one_of_several_lessons_is_shown_with_its_reason(self) -> None:
        self.repository.commit("09", "Lesson: one", {"a": "one\n"})
        self.repository.commit(
            "09", "Lesson: two\n\nBecause of one.", {"b": "two\n", "tests/y.py": "2\n"}
        )

        outcome = self.repository.run("diff", "09", "--lesson", "2")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertLess(outcome.out.index("Because of one."), outcome.out.index("+two"))
        self.assertNotIn("+one", outcome.out)
        self.assertNotIn("tests/", outcome.out)

    def test_a_lesson_that_a_stage_does_not_have_is_an_error(self) -> None:
        for number in ("0", "2"):
            outcome = self.repository.course("diff", "08", "--lesson", number)
            self.assert_error(outcome, f"stage 08 has no lesson {number}")

    def test_a_stage_without_lessons_shows_all_but_tests_and_says_so(self) -> None:
        outcome = self.repository.run("diff", "03")

        self.assertIn("no commit of stage 03 is marked", outcome.err)
        self.assertIn("+first", outcome.out)
        self.assertNotIn("+second", outcome.out)

    def test_the_first_stage_is_compared_with_nothing(self) -> None:
        self.assertIn("+read me", self.repository.run("diff", "00").out)

    def test_without_a_terminal_there_are_no_colours_and_no_pager(self) -> None:
        outcome = self.repository.run("diff", "08", env={"GIT_PAGER": "false"})

        self.assertEqual(outcome.code, 0)
        self.assertNotIn("\x1b", outcome.out)

    def test_colours_are_those_that_git_is_set_up_with(self) -> None:
        self.repository.git("config", "color.ui", "always")

        self.assertIn("\x1b[", self.diff())


class TestLog(CourseTestCase):
    def test_log_lists_the_commits_of_a_stage_with_reasons_and_files(self) -> None:
        self.repository.commit("08", "Grow\n\nBecause it must.", {"app/08.py": "product\n"})
        self.repository.commit("08", "Lesson: serve", {"compose/08.yml": "lesson\n"})

        outcome = self.repository.run("log", "8")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        parts = [" Grow\n", "    Because it must.", "app/08.py | 1 +", " Lesson: serve\n"]
        positions = [outcome.out.index(part) for part in parts]
        self.assertEqual(positions, sorted(positions))
        self.assertNotIn("Begin stage 07", outcome.out)

    def test_a_missing_stage_is_named_in_the_error(self) -> None:
        for command in ("diff", "log"):
            self.assert_error(self.repository.course(command, "09"), "no stage 09")


class TestCommits(CourseTestCase):
    def test_a_commit_with_too_much_to_read_is_listed_as_a_warning(self) -> None:
        long = self.repository.commit("08", "Do it all", {"app/08.py": "line\n" * 401})
        self.repository.commit("08", "Test it all", {"tests/08.py": "line\n" * 900})
        self.repository.commit("08", "Pin", {"requirements.lock": "line\n" * 900})

        outcome = self.repository.course("commits")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertEqual(
            outcome.out,
            f"08     {long[:9]}    401 lines  Do it all\n"
            "1 of 19 commits have more than 400 lines to read\n",
        )

    def test_deleted_lines_are_read_as_well(self) -> None:
        self.repository.commit("08", "Add", {"app/08.py": "line\n" * 300})
        self.repository.commit("08", "Rewrite", {"app/08.py": "other\n" * 300})

        self.assertIn("600 lines  Rewrite", self.repository.course("commits").out)

    def test_a_commit_that_is_too_long_is_an_error_with_strict(self) -> None:
        self.repository.commit("08", "Add", {"app/08.py": "line\n" * 30})

        self.assertEqual(self.repository.course("commits", "--strict").code, 0)
        self.assertEqual(self.repository.course("commits", "--strict", "--lines", "29").code, 1)
