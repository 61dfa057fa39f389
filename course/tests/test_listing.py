"""The table that `list` prints."""

from course.tests.scratch import STAGES, CourseTestCase


class TestList(CourseTestCase):
    def test_every_stage_is_listed_with_its_tag_and_what_it_adds(self) -> None:
        self.repository.course("tag")

        outcome = self.repository.course("list")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        _, *lines = outcome.out.splitlines()
        self.assertEqual([line.split()[0] for line in lines], list(STAGES))
        self.assertRegex(lines[5], r"^05 +stage-05 +[0-9a-f]{9} +2  PostgreSQL: ")
        self.assertIn(self.repository.last("05")[:9], lines[5])

    def test_the_commits_are_listed_on_request(self) -> None:
        outcome = self.repository.course("list", "--commits")

        self.assertIn("Begin stage 03\n", outcome.out)
        self.assertIn("Test stage 03\n", outcome.out)

    def test_on_an_edition_the_chain_that_it_joined_is_listed(self) -> None:
        self.repository.change("04", "app/04.py", "better\n")
        self.edition()
        self.repository.git("switch", "--quiet", "main")

        outcome = self.repository.course("list")

        self.assertIn(self.repository.id("main^2")[:9], outcome.out)
        self.assertEqual(outcome.err, "")

    def test_at_an_older_stage_the_chain_ends_there_under_the_tags_of_its_edition(self) -> None:
        self.repository.change("02", "app/02.py", "better\n")
        self.edition()
        self.repository.course("tag")
        self.repository.git("checkout", "--quiet", "edition-1/stage-03")

        outcome = self.repository.course("list")

        tags = [line.split()[1] for line in outcome.out.splitlines()[1:]]
        self.assertEqual(tags, ["stage-00", "stage-01", "edition-1/stage-02", "edition-1/stage-03"])

    def test_work_that_is_not_in_a_stage_yet_is_pointed_out(self) -> None:
        self.repository.commit(None, "Forget the trailer", {"app/07.py": "more\n"})

        outcome = self.repository.course("list")

        self.assertEqual(outcome.code, 0)
        self.assertIn("note: commits without a valid Stage trailer", outcome.err)
