"""What `verify` finds, and which commit it names."""

from course.tests.scratch import CourseTestCase


class TestVerify(CourseTestCase):
    def join_by_hand(self, tree: str, *parents: str, trailer: str = "Edition: 2") -> str:
        """Move main to a merge as `edition` would never make it."""
        options = [option for parent in parents for option in ("-p", parent)]
        message = ["-m", "By hand", *(["-m", trailer] if trailer else [])]
        commit = self.repository.git("commit-tree", tree, *options, *message)
        self.repository.git("branch", "--force", "main", commit)
        return commit

    def test_a_sound_chain_passes_with_one_line(self) -> None:
        outcome = self.repository.course("verify")

        self.assertEqual((outcome.code, outcome.err), (0, ""))
        self.assertRegex(outcome.out, r"\Amain is sound at [^\n]*: 8 stages in 16 commits\n\Z")

    def test_an_edition_with_another_tree_than_its_newest_stage_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        edition = self.join_by_hand("main^{tree}", "main", "HEAD")

        outcome = self.repository.course("verify")

        self.assert_fault(outcome, edition, "a different tree from", self.repository.id("HEAD")[:9])

    def test_a_commit_on_main_after_an_edition_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        self.edition()
        self.repository.git("switch", "--quiet", "main")
        stray = self.repository.commit("07", "Patch main", {"app/07.py": "patched\n"})

        outcome = self.repository.course("verify")

        self.assert_fault(outcome, stray, "was made on main, after edition 2")

    def test_an_edition_with_the_wrong_number_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        edition = self.join_by_hand("HEAD^{tree}", "main", "HEAD", trailer="Edition: 3")

        outcome = self.repository.course("verify")

        self.assert_fault(outcome, edition, "says Edition: 3, but 2 is the next")

    def test_an_edition_of_three_parents_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        edition = self.join_by_hand("HEAD^{tree}", "main", "HEAD", "HEAD^")

        self.assert_fault(self.repository.course("verify"), edition, "has 3 parents")

    def test_an_edition_that_joins_nothing_fails(self) -> None:
        edition = self.join_by_hand("main^{tree}", "main")

        self.assert_fault(self.repository.course("verify"), edition, "joins no chain")

    def test_a_merge_on_main_that_is_no_edition_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        merge = self.join_by_hand("HEAD^{tree}", "main", "HEAD", trailer="")

        self.assert_fault(self.repository.course("verify"), merge, "no Edition trailer")

    def test_a_merge_within_the_chain_fails(self) -> None:
        self.repository.git("switch", "--quiet", "--create", "side", "HEAD^")
        self.repository.commit("07", "Go aside", {"app/aside.py": "aside\n"})
        self.repository.git("switch", "--quiet", "course")
        self.repository.git("merge", "--quiet", "--no-ff", "-m", "Come back\n\nStage: 07", "side")
        merge = self.repository.id("HEAD")
        self.repository.commit("08", "Begin stage 08", {"app/08.py": "first\n"})

        joined = self.repository.course("edition", "-m", "New")
        verified = self.repository.course("verify", "--main", "course")

        self.assert_fault(joined, merge, "merge within the chain")
        self.assert_fault(verified, merge, "merge within the chain")

    def test_a_merge_within_a_joined_chain_fails(self) -> None:
        self.repository.change("07", "app/07.py", "better\n")
        tree, first, second = "HEAD^{tree}", "HEAD", self.repository.last("06")
        merge = self.repository.git(
            "commit-tree", tree, "-p", first, "-p", second, "-m", "Come back", "-m", "Stage: 07"
        )
        self.join_by_hand(f"{merge}^{{tree}}", "main", merge)

        self.assert_fault(self.repository.course("verify"), merge, "merge within the chain")

    def test_a_stage_number_that_decreases_fails(self) -> None:
        back = self.repository.commit("05", "Patch stage 05", {"app/05.py": "patched\n"})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, back, "goes back to stage 05, after stage 07")

    def test_a_commit_without_a_trailer_fails(self) -> None:
        bare = self.repository.commit(None, "Forget the trailer", {"app/07.py": "more\n"})
        self.repository.commit("07", "Go on", {"app/07.py": "and more\n"})

        self.assert_fault(
            self.repository.course("verify", "--main", "course"), bare, "has no Stage trailer"
        )

    def test_a_trailer_that_is_not_two_digits_fails(self) -> None:
        short = self.repository.commit("8", "Begin stage 08", {"app/08.py": "first\n"})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, short, "Stage: 8, which is not two digits")

    def test_two_trailers_fail(self) -> None:
        double = self.repository.commit("07\nStage: 08", "Do two things", {"app/08.py": "first\n"})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, double, "has 2 Stage trailers, 07, 08")

    def test_a_chain_that_does_not_begin_with_stage_00_fails(self) -> None:
        self.repository.git("switch", "--quiet", "--orphan", "other")
        root = self.repository.commit("01", "Begin late", {"app/01.py": "first\n"})

        outcome = self.repository.course("verify", "--main", "other")

        self.assert_fault(outcome, root, "begins the chain with stage 01")

    def test_a_file_of_stage_00_changed_later_fails(self) -> None:
        changed = self.repository.commit("07", "Patch the README", {"README.md": "patched\n"})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, changed, "changes README.md")

    def test_a_mode_of_a_stage_00_file_changed_later_fails(self) -> None:
        (self.repository.top / ".ci" / "run").chmod(0o755)
        changed = self.repository.commit("07", "Make it run", {})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, changed, "changes .ci/run")

    def test_a_file_of_stage_00_removed_later_fails(self) -> None:
        self.repository.git("rm", "--quiet", "README.md")
        removed = self.repository.commit("07", "Drop the README", {})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, removed, "changes README.md")

    def test_a_file_added_to_a_folder_of_stage_00_fails(self) -> None:
        added = self.repository.commit("07", "Add a page", {"course/guide/07.md": "page\n"})

        outcome = self.repository.course("verify", "--main", "course")

        self.assert_fault(outcome, added, "adds course/guide/07.md")

    def test_an_older_edition_is_not_held_to_the_rules_of_a_chain(self) -> None:
        broken = self.repository.commit("07", "Patch the README", {"README.md": "patched\n"})
        self.repository.git("branch", "--force", "main", broken)
        self.assertEqual(self.repository.course("verify").code, 1)
        self.repository.git("reset", "--quiet", "--hard", "HEAD^")
        self.repository.change("00", "README.md", "patched\n")

        self.edition()

        self.assertEqual(self.repository.course("verify").code, 0)
