"""The example file and the snippets on the page work as they are."""

import re

import pytest

from tests.integration.config_file.conftest import Run
from tests.services import ROOT

EXAMPLE = (ROOT / "examples" / "stagewatch.yaml").read_text("utf-8")
PAGE = (ROOT / "docs" / "config-file.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_applied_and_a_second_time_changes_nothing(run: Run) -> None:
    first = run("apply", file=EXAMPLE)
    again = run("apply", "--prune", file=EXAMPLE)

    assert first.code == 0, first.error
    assert "0 changed, 0 deleted." in first.out
    assert again.out == "No differences.\n"


def test_the_example_has_every_kind_and_its_export_is_the_same(run: Run) -> None:
    run("apply", file=EXAMPLE)

    exported = run("export", "--secrets").out

    for kind in ("http", "tcp", "dns", "heartbeat", "webhook", "apprise"):
        assert f"kind: {kind}\n" in exported
    assert run("diff", "--prune", file=exported).code == 0


def test_the_page_shows_files_that_can_be_applied_one_after_the_other(run: Run) -> None:
    assert len(BLOCKS) >= 2

    for block in BLOCKS:
        assert run("apply", file=block).code == 0, block

    assert "name: Webshop" in run("export").out
    assert "name: Shop\n" not in run("export").out


def test_the_page_quotes_error_messages_exactly(run: Run) -> None:
    bad = BLOCKS[0].replace("https://shop", "ftp://shop").replace("interval_", "intervall_")

    said = run("diff", file=bad)

    assert said.code == 1
    for detail in re.findall(r"^    stagewatch\.yaml:\d+: (.*)$", PAGE, re.MULTILINE):
        assert detail in said.error


@pytest.mark.parametrize("page", ["config-file.md", "configuration.md"])
def test_links_on_the_page_resolve(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    for link in re.findall(r"\]\(\s*([^)#]+)", text):
        assert (ROOT / "docs" / link).resolve().exists(), link
