"""The shell that the guide's commands run in."""

import os
import signal
import tempfile
import unittest
from pathlib import Path

from course.shell import Shell


class TestShell(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.shell = Shell(Path(folder.name), Path(folder.name), os.environ)
        self.addCleanup(self.shell.__exit__)

    def run_(self, command: str) -> tuple[str, int]:
        return self.shell.run(command, seconds=20)

    def test_both_streams_and_the_exit_code_are_returned(self) -> None:
        self.assertEqual(self.run_("echo out; echo err >&2; (exit 3)"), ("out\nerr\n", 3))

    def test_output_without_a_line_end_is_returned_as_it_is(self) -> None:
        self.assertEqual(self.run_("printf x"), ("x", 0))

    def test_variables_folders_and_aliases_last(self) -> None:
        self.run_("export A=1; mkdir sub; cd sub; alias say='echo said'")

        self.assertEqual(self.run_('say $A $(basename "$PWD")'), ("said 1 sub\n", 0))

    def test_the_exit_code_is_there_for_the_next_command(self) -> None:
        self.run_("(exit 7)")

        self.assertEqual(self.run_("echo $?"), ("7\n", 0))

    def test_a_command_reads_no_input(self) -> None:
        self.assertEqual(self.run_("cat"), ("", 0))

    def test_a_command_is_interrupted_when_it_has_printed_enough(self) -> None:
        output, code = self.shell.run(
            "echo begin; sleep 60", seconds=20, stop_when=lambda text: "begin" in text
        )

        self.assertEqual((output, code), ("begin\n", 130))
        self.assertEqual(self.run_("echo on"), ("on\n", 0))

    def test_a_command_is_interrupted_even_where_interrupts_are_ignored(self) -> None:
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_IGN))
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

        with Shell(folder, folder, os.environ) as shell:
            _, code = shell.run("echo x; sleep 60", seconds=20, stop_when=lambda text: "x" in text)

        self.assertEqual(code, 130)

    def test_a_command_in_the_background_outlives_the_interrupt(self) -> None:
        # Wait until it has started: a new process does not ignore interrupts yet.
        begin = "sh -c 'touch begun; exec sleep 60' & job=$!"
        self.run_(f"{begin}; until [ -e begun ]; do sleep 0.01; done")
        self.shell.run("echo x; sleep 60", seconds=20, stop_when=lambda text: "x" in text)

        self.assertEqual(self.run_("kill -0 $job && kill $job"), ("", 0))

    def test_a_command_that_does_not_end_in_time_is_given_up_with_its_output(self) -> None:
        with self.assertRaisesRegex(TimeoutError, "begun"):
            self.shell.run("echo begun; sleep 60", seconds=0.5)
