"""Restores the database from a dump: `make restore FILE=…`, or `python3 -m deploy.restore FILE`.

Everything that can fail happens beside the running stack: the dump is restored into a new database
and migrated there. Only then are the programs stopped, the databases renamed in one transaction,
and the programs started again. A restore that fails or is killed keeps the old database. While the
programs are stopped, nothing but SIGKILL ends it, and nothing would start them again after that.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from deploy.compose import (
    Container,
    Failed,
    Project,
    alone,
    docker,
    from_environment,
    say,
    uninterrupted,
    wait_for,
)

# The programs that have connections to the database, or write to it.
PROGRAMS = ("api", "worker", "beat")
# Seconds within which they must be healthy again.
START_SECONDS = 120
BACKUP = ("run", "--rm", "--no-deps", "-T", "backup")


class NotHealthyError(Failed):
    """The dump has taken the database's place, but the programs are not healthy."""


def restore(project: Project, file: str) -> None:
    """Replace the database with a dump, keeping the old one.

    Raises Failed if the old database stays in use, and NotHealthyError if the programs do not
    become healthy with the restored one.

    `file`: a dump's name among the backups, or a file on this machine.
    """
    with _discarding(project):
        name = _stored(project, file)
        say(f"{name}: checking the dump")
        revision = project.run(*BACKUP, "revision", name).split()[-1]
        _refuse_newer(project, name, revision)
        say("restoring it into a new database; the current one stays in use")
        project.run(*BACKUP, "restore", name)
        say(f"migrating it, from {revision}")
        url = f"DATABASE_URL={_restored_url(project)}"
        project.run("run", "--rm", "--no-deps", "-T", "-e", url, "migrate")
        programs = [each for name in PROGRAMS for each in _running(project, name)]
        ids = [each.id for each in programs]
        with uninterrupted():
            kept = _swap(project, programs)
    if not wait_for(lambda: _healthy(project, set(ids)), seconds=START_SECONDS):
        raise NotHealthyError(
            f"restored, but not all programs are healthy after {START_SECONDS} s: see their logs. "
            f"The previous data is kept as the database {kept}."
        )
    say(f"done. The previous data is kept as the database {kept}; when it is no longer needed:")
    print(f'    docker compose exec db dropdb --username stagewatch "{kept}"')
    if stopped := [name for name in PROGRAMS if not _running(project, name)]:
        say(f"NOT running, as before: {', '.join(stopped)}. To start what is stopped:")
        print("    docker compose up --detach --wait")


@contextmanager
def _discarding(project: Project) -> Iterator[None]:
    """Remove what a failed restore has created, so that it takes no space."""
    try:
        yield
    except BaseException:
        # After Ctrl-C too. If this can't be done now, the next restore does it.
        with suppress(Failed):
            project.run(*BACKUP, "discard")
        raise


def _running(project: Project, service: str) -> list[Container]:
    return [each for each in project.containers(service) if each.running]


def _swap(project: Project, programs: list[Container]) -> str:
    """Swap the databases while the programs are stopped; return the old one's new name."""
    ids = [each.id for each in programs]
    try:
        if ids:
            say(f"stopping {', '.join(each.name for each in programs)}")
            docker("stop", *ids)
        say("swapping the databases")
        return project.run(*BACKUP, "swap").split()[-1]
    finally:
        if ids:
            # Before anything is printed: the terminal may be gone, and printing fails then.
            docker("start", *ids)
            say("starting the services again")


def _stored(project: Project, file: str) -> str:
    """Return the dump's name among the backups; a file is copied there first."""
    path = Path(file) if Path(file).is_absolute() else Path.cwd() / file
    if not path.is_file():
        return file
    say(f"copying {path} to the backups")
    with path.open("rb") as dump:
        return project.run(*BACKUP, "take", path.name, stdin=dump.fileno()).split()[-1]


def _refuse_newer(project: Project, name: str, revision: str) -> None:
    """Raise Failed if the image lacks the migration that the dump is at."""
    try:
        project.run("run", "--rm", "--no-deps", "-T", "migrate", "alembic", "show", revision)
    except Failed as failed:
        if "Can't locate revision" not in str(failed):
            raise
        raise Failed(
            f"{name} is from a later release: its database is at {revision}, which this image does "
            "not know. Restore it with the release that made it, or a later one."
        ) from None


def _restored_url(project: Project) -> str:
    """Return DATABASE_URL for the restored database, which backup/backup.sh names."""
    environment = project.config()["services"]["migrate"]["environment"]
    url = urlsplit(str(environment["DATABASE_URL"]))
    return url._replace(path=f"{url.path}_restored").geturl()


def _healthy(project: Project, ids: set[str]) -> bool:
    found = [each for name in PROGRAMS for each in project.containers(name) if each.id in ids]
    return all(each.running and each.health in ("healthy", "none") for each in found)


def main() -> int:
    parser = argparse.ArgumentParser(description="Restore the database from a dump.")
    parser.add_argument("file", help="a dump's name among the backups, or a file")
    arguments = parser.parse_args()
    project = from_environment()
    try:
        with alone(project.name()):
            restore(project, arguments.file)
    except NotHealthyError as failed:
        say(str(failed))
        return 1
    except Failed as failed:
        say(f"NOT restored: {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
