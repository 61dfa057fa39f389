"""Variables and the folder of secrets are the ones that Compose uses."""

from pathlib import Path

import pytest

from deploy.variables import secrets_folder, variable


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "compose").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("PUBLIC_URL", "SECRETS_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_folder_is_beside_compose_unless_said_otherwise(project: Path) -> None:
    assert secrets_folder() == Path("secrets")

    (project / "compose/.env").write_text("SECRETS_FOLDER=/etc/stagewatch\n")
    assert secrets_folder() == Path("/etc/stagewatch")

    # From compose/, like all paths in Compose's files.
    (project / "compose/.env").write_text("SECRETS_FOLDER=../../mine\n")
    assert secrets_folder() == Path("../mine")


def test_the_shell_wins_over_the_file_and_the_last_line_over_the_first(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "compose/.env").write_text('PUBLIC_URL=a\n#PUBLIC_URL=b\nPUBLIC_URL="c"\nX=\n')
    assert variable("PUBLIC_URL") == "c"

    monkeypatch.setenv("PUBLIC_URL", "d")
    assert variable("PUBLIC_URL") == "d"
    assert variable("X") is None
    assert variable("SECRETS_FOLDER") is None
