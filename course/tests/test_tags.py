"""Which tags `tag` creates, moves, removes and keeps, and what `tip` prints."""

from course.tests.scratch import STAGES, CourseTestCase, stage_tags


class TestTag(CourseTestCase):
    def test_each_stage_gets_a_tag_at_its_last_commit(self) -> None:
        outcome = self.repository.course("tag")

        self.assertEqual(outcome.code, 0, outcome.err)
        expected = {f"stage-{stage}": self.repository.last(stage) for stage in STAGES}
        self.assertEqual(self.repository.tags(), expected)
        self.assertIn("made     stage-07", outcome.out)

    def test_a_second_run_changes_nothing(self) -> None:
        self.repository.course("tag")

        outcome = self.repository.course("tag")

        self.assertEqual(outcome.out, "8 tags, 0 changed\n")

    def test_a_fetch_moves_the_tags_of_a_clone(self) -> None:
        clone = self.clone("copy", "--no-tags")
        clone.course("tag")
        before = clone.tags()
        self.repository.change("04", "app/04.py", "better\n")
        self.edition()
        self.repository.course("tag")
        clone.git("fetch", "--quiet")

        outcome = clone.course("tag")

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertIn("note: main is behind origin/main", outcome.err)
        self.assertEqual(clone.tags(), self.repository.tags())
        self.assertNotEqual(clone.tags()["stage-04"], before["stage-04"])
        clone.git("merge", "--quiet", "--ff-only", "origin/main")
        self.assertEqual(clone.course("tag").out, "16 tags, 0 changed\n")

    def test_tags_that_main_does_not_call_for_are_removed(self) -> None:
        for tag in ("stage-09", "edition-1/stage-03", "stage-final", "v1.0", "my/stage-03"):
            self.repository.git("tag", tag)
        self.repository.git("tag", "--annotate", "-m", "Mine", "stage-03")

        outcome = self.repository.course("tag")

        self.assertIn("removed  stage-09", outcome.out)
        self.assertIn("moved    stage-03", outcome.out)
        self.assertEqual(
            set(self.repository.tags()),
            stage_tags(STAGES) | {"stage-final", "v1.0", "my/stage-03"},
        )
        self.assertEqual(self.repository.tags()["stage-03"], self.repository.last("03"))

    def test_a_broken_chain_leaves_the_tags_alone(self) -> None:
        self.repository.course("tag")
        before = self.repository.tags()
        back = self.repository.commit("05", "Patch stage 05", {"app/05.py": "patched\n"})
        self.repository.git("branch", "--force", "main", "HEAD")

        outcome = self.repository.course("tag")

        self.assert_fault(outcome, back, "goes back")
        self.assertEqual(self.repository.tags(), before)

    def test_another_branch_can_stand_in_for_main(self) -> None:
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        self.repository.course("tag", "--main", "course")

        self.assertIn("stage-08", self.repository.tags())


class TestPush(CourseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.mine = self.clone("copy", "--no-tags")
        self.origin = self.repository

    def push(self) -> list[str]:
        """Run `tag --push` in the clone, which must succeed; return the output of the push."""
        outcome = self.mine.course("tag", "--push")
        self.assertEqual(outcome.code, 0, outcome.err)
        lines = outcome.out.splitlines()
        return lines[next(n for n, line in enumerate(lines) if " tags, " in line) + 1 :]

    def test_the_tags_of_origin_become_those_of_main(self) -> None:
        self.origin.git("tag", "stage-09")
        self.origin.git("tag", "v1.0")

        lines = self.push()

        expected = {f"stage-{stage}": self.origin.last(stage) for stage in STAGES}
        self.assertEqual(self.origin.tags(), expected | {"v1.0": self.origin.id("HEAD")})
        self.assertIn(f"pushed   stage-07  {self.origin.last('07')[:9]}", lines)
        self.assertEqual(lines[-2:], ["pushed   stage-09  removed", "9 pushed"])

    def test_tags_that_origin_already_has_are_not_pushed(self) -> None:
        self.push()

        self.assertEqual(self.push(), ["0 pushed"])

    def test_only_tags_moved_by_an_edition_are_pushed(self) -> None:
        self.push()
        self.origin.change("07", "app/07.py", "better\n")
        self.edition()
        self.mine.git("pull", "--quiet", "--ff-only", "--no-tags")

        lines = self.push()

        moved = [line.split()[1] for line in lines if "pushed  " in line and "/" not in line]
        self.assertEqual(moved, ["stage-07"])
        self.assertEqual(self.origin.tags(), self.mine.tags())

    def test_an_old_clone_does_not_move_the_tags_back(self) -> None:
        self.push()
        self.origin.change("07", "app/07.py", "better\n")
        self.edition()
        self.origin.course("tag")
        before = self.origin.tags()

        outcome = self.mine.course("tag", "--push")

        self.assertEqual(outcome.code, 2)
        self.assertIn("push main or fetch it first", outcome.err)
        self.assertEqual(self.origin.tags(), before)


class TestTip(CourseTestCase):
    def test_it_is_main_itself_before_the_first_merge(self) -> None:
        outcome = self.repository.course("tip")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertEqual(outcome.out, self.repository.id("main") + "\n")

    def test_it_is_the_second_parent_of_an_edition(self) -> None:
        self.repository.change("04", "app/04.py", "better\n")
        self.edition()
        self.repository.git("checkout", "--quiet", "main^1")

        outcome = self.repository.course("tip")

        self.assertEqual(outcome.out, self.repository.id("course") + "\n")

    def test_a_clone_on_a_detached_tag_takes_it_from_origin(self) -> None:
        clone = self.clone("copy")
        clone.git("checkout", "--quiet", "--detach")
        clone.git("branch", "--delete", "--force", "main")

        self.assertEqual(clone.course("tip").out, self.repository.id("main") + "\n")
