"""How the engine's output is parsed, and the table made of it."""

import tempfile
import unittest
from pathlib import Path

from course.figures import (
    BEGIN,
    END,
    Figures,
    base_of,
    in_bytes,
    table,
    used_memory,
    with_own_caches,
    write_between_marks,
)


class TestDockerfile(unittest.TestCase):
    def test_the_base_image_is_found_from_the_last_build_stage(self) -> None:
        for text, base in (
            ("FROM python:3.14-slim\nRUN x\n", "python:3.14-slim"),
            ("FROM a AS one\nFROM b AS two\nCOPY --from=one / /\nFROM Two\n", "b"),
            ("FROM a AS one\nFROM one AS two\nFROM two AS three\n", "a"),
            ("# FROM no\nfrom --platform=linux/amd64 a as one\nFROM b\n", "b"),
        ):
            with self.subTest(text=text):
                self.assertEqual(base_of(text), base)

    def test_a_dockerfile_without_a_base_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "has no base image"):
            base_of("RUN x\n")

    def test_each_cache_mount_gets_a_name_that_no_earlier_build_had(self) -> None:
        text = "RUN --mount=type=cache,target=/a --mount=type=cache,target=/b --mount=type=bind x\n"

        self.assertEqual(
            with_own_caches(text, "new"),
            "RUN --mount=type=cache,id=new-0,target=/a --mount=type=cache,id=new-1,target=/b"
            " --mount=type=bind x\n",
        )


class TestMemory(unittest.TestCase):
    def test_the_containers_memory_is_summed_up(self) -> None:
        stats = "10.5MiB / 1.9GiB\n512KiB / 1.9GiB\n1GiB / 1.9GiB\n0B / 0B\n"

        self.assertEqual(used_memory(stats), 11 * 2**20 + 2**30)

    def test_text_that_is_not_a_size_is_refused(self) -> None:
        for text in ("--", "5", "5 apples", ""):
            with self.subTest(text=text), self.assertRaisesRegex(ValueError, "not a size"):
                in_bytes(text)


class TestTable(unittest.TestCase):
    def test_the_table_has_a_row_for_each_stage_and_a_dash_for_missing_figures(self) -> None:
        rows = [
            Figures("02", 138_300_000, 0, 2, 1.04, 0.51),
            Figures("09", 229_000_000, 90_700_000, 4, 34.5, 1.9, 12.3, 250 * 2**20),
        ]

        lines = table(rows)

        self.assertEqual(lines[2], "| 02 | 138.3 MB | 0.0 MB | 2 | 1.0 s | 0.5 s | - | - |")
        self.assertEqual(
            lines[3], "| 09 | 229.0 MB | 90.7 MB | 4 | 34.5 s | 1.9 s | 12.3 s | 250 MiB |"
        )
        self.assertEqual({line.count("|") for line in lines}, {9})

    def test_a_stage_that_failed_keeps_what_was_measured_and_is_named_below(self) -> None:
        lines = table([Figures("05", size=1_000_000, fault="docker build: no space left")])

        self.assertIn("| 05 | 1.0 MB | - |", lines[2])
        self.assertIn("Stage 05", lines[-1])
        self.assertIn("no space left", lines[-1])


class TestWriting(unittest.TestCase):
    def page(self, text: str) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        page = Path(folder.name) / "09.md"
        page.write_text(text)
        return page

    def test_the_lines_take_the_place_of_those_between_the_marks(self) -> None:
        page = self.page(f"before\n{BEGIN}\nold\n{END}\nafter\n")

        write_between_marks(page, ["new"])
        write_between_marks(page, ["newer", "two"])

        self.assertEqual(page.read_text(), f"before\n{BEGIN}\nnewer\ntwo\n{END}\nafter\n")

    def test_a_page_without_the_marks_is_left_as_it_is(self) -> None:
        page = self.page(f"before\n{BEGIN}\nold\n")

        with self.assertRaisesRegex(ValueError, "no place for figures"):
            write_between_marks(page, ["new"])

        self.assertEqual(page.read_text(), f"before\n{BEGIN}\nold\n")
