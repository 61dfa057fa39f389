"""Builds an image, pushes it, and combines the pushes of several machines into one release."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .tags import image_tags

_LABEL = "org.opencontainers.image"
_INSPECT = ("docker", "image", "inspect", "--format={{json .RepoDigests}}")


class DeliveryError(Exception):
    """The delivery can't continue; the message says why, in one line."""


@dataclass(frozen=True)
class Source:
    """A git ref, and the folder where it is checked out."""

    ref: str
    folder: Path

    @property
    def commit(self) -> str:
        """The full commit hash."""
        return self._git("rev-parse", "HEAD").strip()

    def tags(self) -> list[str]:
        """Return the tags for the image; none if it is not to be released."""
        return image_tags(self.ref, self.commit, self._git("tag", "--list").splitlines())

    def released(self) -> list[str]:
        """Return the tags for the image. Raises DeliveryError if there are none."""
        tags = self.tags()
        if not tags:
            raise DeliveryError(f"{self.ref} is not a release, so its image gets no tags")
        return tags

    def _git(self, *arguments: str) -> str:
        return _run("git", "-C", str(self.folder), *arguments)


def push(source: Source, repository: str, url: str = "") -> str:
    """Build the image for this machine's architecture, push it without a tag, return its digest.

    By digest, so that the image can't be pulled by name before it is complete. `url`, the address
    of the source, becomes a label of the image.
    """
    labels = {"version": source.released()[0], "revision": source.commit, "source": url}
    build = [
        str(source.folder),
        *(f"--label={_LABEL}.{name}={value}" for name, value in labels.items() if value),
    ]
    if re.search(r"^Driver:\s+docker$", _run("docker", "buildx", "inspect"), re.MULTILINE):
        return _push_with_engine(build, repository, source.commit)
    with TemporaryDirectory() as folder:
        metadata = Path(folder) / "metadata.json"
        _run(
            *("docker", "buildx", "build", "--metadata-file", str(metadata)),
            # The image's contents, and how it was built: stored next to it in the registry.
            *("--sbom=true", "--provenance=mode=max"),
            f"--output=type=image,name={repository},push-by-digest=true,name-canonical=true,push=true",
            *build,
        )
        return str(json.loads(metadata.read_text())["containerimage.digest"])


def _push_with_engine(build: list[str], repository: str, commit: str) -> str:
    """Build and push with the engine itself, which can neither attest nor push by digest alone.

    The image gets a tag, and no SBOM, which is enough for a registry on a laptop.
    """
    tag = f"{repository}:candidate-{commit[:12]}"
    _run("docker", "build", "--tag", tag, *build)
    _run("docker", "push", "--quiet", tag)
    names: list[str] = json.loads(_run(*_INSPECT, tag))
    return next(name.partition("@")[2] for name in names if name.startswith(f"{repository}@"))


def publish(source: Source, repository: str, digests: Iterable[str]) -> str:
    """Combine the pushed images, one per architecture, into one image with its tags.

    Returns its digest. Nothing is pulled: only a list of digests is written.
    """
    version, *others = source.released()
    name = f"{repository}:{version}"
    _tag(name, *(f"{repository}@{digest}" for digest in digests))
    manifest = _run(
        "docker", "buildx", "imagetools", "inspect", name, "--format={{json .Manifest}}"
    )
    digest = str(json.loads(manifest)["digest"])
    # Tags that move are moved after the version's own tag exists.
    for other in others:
        _tag(f"{repository}:{other}", f"{repository}@{digest}")
    return digest


def _tag(name: str, *images: str) -> None:
    _run("docker", "buildx", "imagetools", "create", f"--tag={name}", *images)


def _run(*command: str) -> str:
    """Run a command and return its standard output; standard error goes to the terminal."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError as error:
        raise DeliveryError(f"{command[0]} is not installed, or not on the PATH") from error
    if done.returncode != 0:
        raise DeliveryError(f"{' '.join(command[:3])}: exit code {done.returncode}")
    return done.stdout
