"""How a page of the guide is parsed, and how output is compared with it."""

import tempfile
import unittest
from pathlib import Path

from course.pages import Step, matches, read_page
from course.rehearsal import GUIDE


class TestReadPage(unittest.TestCase):
    def read(self, text: str) -> list[Step]:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        page = Path(folder.name) / "01.md"
        page.write_text(text)
        return read_page(page)

    def test_commands_and_outputs_of_console_blocks_are_read_and_nothing_else(self) -> None:
        steps = self.read(
            "Text\n```console\n$ one\n…\nout\n$ two\n```\n```python\n$ no\n```\n    $ nor\n"
        )

        read = [(step.line, step.command, step.expected) for step in steps]
        self.assertEqual(read, [(3, "one", ("…", "out")), (6, "two", ())])

    def test_a_block_in_a_list_is_read_without_its_indentation(self) -> None:
        [step] = self.read("1. Do\n\n   ```console\n   $ do it\n     two\n   ```\n")

        self.assertEqual((step.command, step.expected), ("do it", ("  two",)))

    def test_a_command_goes_on_after_a_backslash_in_quotes_and_in_a_here_document(self) -> None:
        steps = self.read(
            "```console\n$ one \\\n    two\nout\n$ echo 'a\nb'\na\nb\n$ cat <<'EOF'\nx'\nEOF\n```\n"
        )

        self.assertEqual(
            [step.command for step in steps],
            ["one \\\n    two", "echo 'a\nb'", "cat <<'EOF'\nx'\nEOF"],
        )
        self.assertEqual([step.expected for step in steps], [("out",), ("a", "b"), ()])

    def test_a_command_may_fail_if_its_exit_code_is_shown(self) -> None:
        steps = self.read("```console\n$ false\n$ echo $?\n1\n```\n")

        self.assertEqual([step.may_fail for step in steps], [True, False])

    def test_commands_that_need_ctrl_c_or_the_internet_are_marked(self) -> None:
        [first, second] = self.read(
            "```console\n$ tail -f x\nline\n^C\n```\n```console internet\n$ pull\n```\n"
        )

        self.assertEqual((first.interrupted, first.expected), (True, ("line",)))
        self.assertEqual((first.needs_internet, second.needs_internet), (False, True))

    def test_output_without_a_command_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, r"01\.md:2: a command must begin"):
            self.read("```console\noutput\n```\n")

    def test_a_block_without_an_end_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "does not end"):
            self.read("```console\n$ one\n")

    def test_every_page_can_be_read_and_begins_and_ends_clean(self) -> None:
        for page in sorted(GUIDE.glob("0[1-9].md")):
            with self.subTest(page=page.name):
                steps = read_page(page)
                first = f"git checkout --quiet stage-{page.stem}"
                self.assertEqual(
                    [step.command for step in steps[:2]], [first, "git status --short"]
                )
                self.assertEqual(steps[-1].command, "git status --short")
                self.assertEqual((steps[1].expected, steps[-1].expected), ((), ()))


class TestMatches(unittest.TestCase):
    def test_equal_lines_match_whatever_their_ends_and_colours(self) -> None:
        self.assertTrue(matches(("one", "two"), "\x1b[1mone\x1b[0m  \r\ntwo\n\n"))

    def test_another_line_more_or_less_does_not_match(self) -> None:
        self.assertFalse(matches(("one",), "one\ntwo\n"))
        self.assertFalse(matches(("one", "two"), "one\n"))
        self.assertFalse(matches((), "one\n"))
        self.assertTrue(matches((), ""))

    def test_an_ellipsis_within_a_line_stands_for_any_text_of_that_line(self) -> None:
        self.assertTrue(matches(("Up … (healthy)",), "Up 3 seconds (healthy)\n"))
        self.assertTrue(matches(("…ok…",), "ok\n"))
        self.assertFalse(matches(("Up … (healthy)",), "Up 3\nseconds (healthy)\n"))

    def test_an_ellipsis_as_a_line_stands_for_any_number_of_lines(self) -> None:
        for output in ("end\n", "one\nend\n", "one\ntwo\nend\n"):
            self.assertTrue(matches(("…", "end"), output))
        self.assertFalse(matches(("…", "end"), "one\n"))

    def test_other_special_characters_are_literal(self) -> None:
        self.assertTrue(matches(("a.b [x] (y)*",), "a.b [x] (y)*\n"))
        self.assertFalse(matches(("a.b",), "axb\n"))

    def test_a_prefix_of_the_output_matches_on_request(self) -> None:
        self.assertTrue(matches(("one",), "one\ntwo\n", beginning=True))
        self.assertFalse(matches(("one", "two"), "one\n", beginning=True))
