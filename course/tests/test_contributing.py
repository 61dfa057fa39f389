"""CONTRIBUTING.md at every stage: it names the folders that the stage has."""

import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Contributing(unittest.TestCase):
    def test_it_names_every_folder_and_every_package_of_the_program(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        parts = [name.split("/") for name in listed.stdout.splitlines()]
        folders = {path[0] for path in parts if len(path) > 1} - {"app"}
        folders |= {f"app/{path[1]}" for path in parts if len(path) > 2 and path[0] == "app"}
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

        shown = {name for name in folders if not name.startswith(".")}
        self.assertEqual({name for name in shown if f"`{name}/`" not in text}, set())
