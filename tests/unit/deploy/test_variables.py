"""Variables and the folder of secrets are the ones that Compose uses."""

from pathlib import Path

import pytest

from deploy.variables import keep, secrets_folder, variable


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


def test_keep_replaces_the_variable_and_leaves_other_lines(project: Path) -> None:
    env = project / "compose/.env"
    env.write_text("HTTP_PORT=80\nPUBLIC_URL=a\n# A comment.\n")
    env.chmod(0o600)

    keep("PUBLIC_URL", "b")

    assert variable("PUBLIC_URL") == "b"
    assert env.read_text().splitlines() == ["HTTP_PORT=80", "# A comment.", "PUBLIC_URL=b"]
    assert env.stat().st_mode & 0o777 == 0o600


def test_keep_creates_the_file_if_it_is_missing(project: Path) -> None:
    keep("PUBLIC_URL", "a")

    assert (project / "compose/.env").read_text() == "PUBLIC_URL=a\n"
