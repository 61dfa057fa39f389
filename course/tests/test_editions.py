"""What `edition` makes of main, and what it refuses to make."""

from course.tests.scratch import STAGES, CourseTestCase, stage_tags


class TestEdition(CourseTestCase):
    def test_an_edition_moves_the_tags_and_keeps_the_older_ones(self) -> None:
        repository = self.repository
        repository.course("tag")
        first = repository.tags()
        old_main = repository.id("main")
        repository.change("04", "app/04.py", "better\n")
        repository.change("00", "README.md", "read me first\n")

        outcome = repository.course("edition", "-m", "Stage 04 does better")
        tagged = repository.course("tag")

        self.assertEqual((outcome.code, tagged.code), (0, 0), outcome.err + tagged.err)
        self.assertEqual(repository.id("main^1"), old_main)
        self.assertEqual(repository.id("main^2"), repository.id("course"))
        self.assertEqual(repository.id("main^{tree}"), repository.id("course^{tree}"))
        second = repository.tags()
        self.assertEqual(set(second), stage_tags(STAGES) | stage_tags(STAGES, "edition-1/"))
        for stage in STAGES:
            self.assertEqual(second[f"edition-1/stage-{stage}"], first[f"stage-{stage}"])
            self.assertNotEqual(second[f"stage-{stage}"], first[f"stage-{stage}"])
            self.assertIn(f"moved    stage-{stage}", tagged.out)
            readme = repository.git("show", f"stage-{stage}:README.md")
            self.assertEqual(readme, "read me first")
        self.assertEqual(repository.git("show", "stage-04:app/04.py"), "better")
        self.assertEqual(repository.git("show", "edition-1/stage-04:app/04.py"), "first")
        self.assertEqual(repository.course("verify").code, 0)

    def test_a_change_to_one_stage_moves_the_tags_from_there_on(self) -> None:
        self.repository.course("tag")
        before = self.repository.tags()
        self.repository.change("04", "app/04.py", "better\n")
        self.edition()

        self.repository.course("tag")

        after = self.repository.tags()
        moved = [stage for stage in STAGES if before[f"stage-{stage}"] != after[f"stage-{stage}"]]
        self.assertEqual(moved, ["04", "05", "06", "07"])

    def test_the_message_says_why_and_which_stages_changed(self) -> None:
        self.repository.change("05", "app/05.py", "better\n")
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        self.repository.course("edition", "-m", "Stage 05 retries", "-m", "A connection was lost.")

        self.assertEqual(
            self.repository.git("log", "-1", "--format=%B", "main").strip(),
            "Stage 05 retries\n\n"
            "A connection was lost.\n\n"
            "Stages changed: 05, 06, 07\nStages added: 08\n\n"
            "Edition: 2",
        )

    def test_each_edition_follows_the_one_before(self) -> None:
        self.repository.change("02", "app/02.py", "better\n")
        second = self.edition()
        self.repository.change("06", "app/06.py", "better\n")
        third = self.edition()
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})
        fourth = self.edition()

        self.repository.course("tag")

        line = self.repository.git("log", "--first-parent", "-3", "--format=%H", "main")
        self.assertEqual(line.split(), [fourth, third, second])
        trailers = self.repository.git(
            "log", "--first-parent", "-3", "--format=%(trailers:key=Edition,valueonly)", "main"
        )
        self.assertEqual(trailers.split(), ["4", "3", "2"])
        expected = stage_tags((*STAGES, "08"))
        for number in (1, 2, 3):
            expected |= stage_tags(STAGES, f"edition-{number}/")
        self.assertEqual(set(self.repository.tags()), expected)
        self.assertEqual(self.repository.course("verify").code, 0)

    def test_before_the_first_merge_an_appended_stage_moves_main_forward(self) -> None:
        tip = self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        outcome = self.repository.course("edition")

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(self.repository.id("main"), tip)

    def test_main_is_made_where_there_is_none(self) -> None:
        self.repository.git("branch", "--delete", "--force", "main")

        outcome = self.repository.course("edition")

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(self.repository.id("main"), self.repository.id("HEAD"))

    def test_it_joins_to_the_main_of_origin_where_there_is_no_local_one(self) -> None:
        clone = self.clone("copy")
        clone.git("switch", "--quiet", "--create", "course")
        clone.git("branch", "--delete", "--force", "main")
        clone.change("03", "app/03.py", "better\n")

        outcome = clone.course("edition", "-m", "Stage 03 does better")

        self.assertEqual(outcome.code, 0, outcome.err)
        self.assertEqual(clone.id("main^1"), self.repository.id("main"))

    def test_it_refuses_when_there_is_nothing_to_join(self) -> None:
        self.assert_error(self.repository.course("edition", "-m", "Again"), "nothing to join")

        self.repository.git("checkout", "--quiet", self.repository.last("04"))
        self.assert_error(self.repository.course("edition", "-m", "Back"), "nothing to join")

    def test_it_refuses_to_lose_a_stage(self) -> None:
        self.repository.git("checkout", "--quiet", self.repository.last("06"))
        self.repository.commit("06", "Say more", {"app/06.py": "more\n"})

        self.assert_error(self.repository.course("edition", "-m", "More"), "lacks")

    def test_it_refuses_an_edition_without_a_reason(self) -> None:
        self.repository.change("03", "app/03.py", "better\n")
        before = self.repository.id("main")

        self.assert_error(self.repository.course("edition"), "say why")
        self.assertEqual(self.repository.id("main"), before)

    def test_it_refuses_on_main(self) -> None:
        self.repository.git("switch", "--quiet", "main")
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        self.assert_error(self.repository.course("edition", "-m", "New"), "you are on main")

    def test_it_refuses_while_main_is_checked_out_elsewhere(self) -> None:
        self.repository.change("03", "app/03.py", "better\n")
        self.repository.git("worktree", "add", "--quiet", str(self.folder / "other"), "main")

        outcome = self.repository.course("edition", "-m", "Better")

        self.assert_error(outcome, str(self.folder / "other"))

    def test_it_refuses_when_main_is_behind_origin(self) -> None:
        clone = self.clone("copy")
        clone.git("switch", "--quiet", "--create", "course")
        self.repository.change("03", "app/03.py", "better\n")
        self.edition()
        clone.git("fetch", "--quiet")
        clone.change("05", "app/05.py", "better\n")

        outcome = clone.course("edition", "-m", "Better")

        self.assert_error(outcome, "git fetch origin main:main")

    def test_a_fixup_that_is_not_squashed_leaves_main_alone(self) -> None:
        before = self.repository.id("main")
        self.repository.write("app/04.py", "better\n")
        self.repository.git("commit", "--quiet", "--all", "--fixup", self.repository.last("04"))

        outcome = self.repository.course("edition", "-m", "Better")

        self.assert_fault(outcome, self.repository.id("HEAD"), "autosquash")
        self.assertEqual(self.repository.id("main"), before)

    def test_a_chain_continued_from_an_edition_is_refused(self) -> None:
        self.repository.change("03", "app/03.py", "better\n")
        edition = self.edition()
        self.repository.git("checkout", "--quiet", edition)
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        outcome = self.repository.course("edition", "-m", "New")

        self.assert_fault(outcome, edition, "within the chain", self.repository.id("main^2")[:9])
        self.assertEqual(self.repository.id("main"), edition)

    def test_nothing_is_joined_to_a_broken_main(self) -> None:
        self.repository.change("03", "app/03.py", "better\n")
        self.edition()
        self.repository.git("switch", "--quiet", "main")
        stray = self.repository.commit("07", "Patch main", {"app/07.py": "patched\n"})
        self.repository.git("switch", "--quiet", "course")
        self.repository.change("05", "app/05.py", "better\n")

        outcome = self.repository.course("edition", "-m", "Better")

        self.assert_fault(outcome, stray, "made on main")
        self.assertEqual(self.repository.id("main"), stray)
