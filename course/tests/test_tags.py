"""What `tag` makes, moves, removes and leaves alone, and what `tip` prints."""

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
