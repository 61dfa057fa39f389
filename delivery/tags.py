"""Which tags the image of a git ref gets, and which of them may move.

A release, `v1.2.3`, gets its version and the shorter tags that follow the newest of their line:
`1.2`, `1` and `latest`. A stage of the course, `stage-07`, gets its own name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# https://semver.org, less the build metadata: a "+" can't be in an image's tag.
_VERSION = re.compile(
    r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
)
_STAGE = re.compile(r"stage-\d\d")
# Enough digits to identify a commit among millions, and few enough to compare by eye.
_COMMIT_DIGITS = 12
# Docker's limit for a tag.
_LONGEST = 128


class NotReleased(ValueError):
    """A tag looks like a release but is not valid; the message says why."""


@dataclass(frozen=True, order=True)
class Version:
    """A release version. Pre-releases are left out, because they do not move tags."""

    major: int
    minor: int
    patch: int

    @classmethod
    def read(cls, tag: str) -> Self | None:
        """Return the version that a git tag names; None for a pre-release or another tag."""
        match = _VERSION.fullmatch(tag)
        return None if match is None or match[4] else cls(*map(int, match.groups()[:3]))


def image_tags(ref: str, commit: str, git_tags: Iterable[str]) -> list[str]:
    """Return the tags for the image of `ref`, a full name like refs/tags/v1.2.3, at `commit`.

    Empty for a branch, a pull request or any other tag: their images are not released. `git_tags`
    are all tags of the repository, which show what the newest version of a line is. Raises
    NotReleased for a tag that starts like a release but is not a version.
    """
    tag = ref.removeprefix("refs/tags/")
    if tag == ref:
        return []
    by_commit = f"sha-{commit[:_COMMIT_DIGITS]}"
    if _STAGE.fullmatch(tag):
        return [tag, by_commit]
    if not re.match(r"v\d", tag):
        return []
    match = _VERSION.fullmatch(tag)
    if match is None:
        raise NotReleased(f"{tag} is not a version like v1.2.3 or v1.2.3-rc.1 (https://semver.org)")
    name = tag[1:]
    if len(name) > _LONGEST:
        raise NotReleased(f"{tag} is longer than an image tag can be, {_LONGEST} characters")
    version = Version.read(tag)
    if version is None:
        return [name, by_commit]
    return [name, *_moving(version, git_tags), by_commit]


def _moving(version: Version, git_tags: Iterable[str]) -> Iterable[str]:
    """Yield the shorter tags that `version` gets because it is the newest of their line."""
    versions = [other for other in map(Version.read, git_tags) if other is not None]
    line = f"{version.major}.{version.minor}"
    if all(v <= version for v in versions if (v.major, v.minor) == (version.major, version.minor)):
        yield line
    # 0.y: anything may change from one minor version to the next, so nobody should follow "0".
    if version.major and all(v <= version for v in versions if v.major == version.major):
        yield f"{version.major}"
    if all(v <= version for v in versions):
        yield "latest"
