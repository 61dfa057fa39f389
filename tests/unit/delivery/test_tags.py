"""Which image tags a git ref gets."""

import pytest

from delivery.tags import NotReleased, image_tags

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA = "sha-0123456789ab"
RELEASED = ["v0.11.0", "v1.2.2", "v1.2.3", "v1.10.0", "v2.0.0", "v3.0.0-rc.1", "stage-10", "v9"]


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        # The newest of all.
        ("refs/tags/v2.0.1", ["2.0.1", "2.0", "2", "latest", SHA]),
        ("refs/tags/v3.0.0", ["3.0.0", "3.0", "3", "latest", SHA]),
        # Its own tag may or may not be in the list yet.
        ("refs/tags/v2.0.0", ["2.0.0", "2.0", "2", "latest", SHA]),
        # A patch for an older line moves that line's tag, and no other.
        ("refs/tags/v1.2.4", ["1.2.4", "1.2", SHA]),
        ("refs/tags/v1.10.1", ["1.10.1", "1.10", "1", SHA]),
        # Released again after newer ones: no tag moves back.
        ("refs/tags/v1.2.2", ["1.2.2", SHA]),
        # By numbers, not by letters.
        ("refs/tags/v1.9.0", ["1.9.0", "1.9", SHA]),
        # Nobody should follow "0".
        ("refs/tags/v0.12.0", ["0.12.0", "0.12", SHA]),
        # Pre-releases move nothing.
        ("refs/tags/v3.0.0-rc.2", ["3.0.0-rc.2", SHA]),
        ("refs/tags/v2.0.1-alpha", ["2.0.1-alpha", SHA]),
        # Stages neither.
        ("refs/tags/stage-11", ["stage-11", SHA]),
        ("refs/tags/stage-02", ["stage-02", SHA]),
        # Not released.
        ("refs/tags/edition-1/stage-11", []),
        ("refs/tags/stage-final", []),
        ("refs/tags/stage-011", []),
        ("refs/tags/vendor", []),
        ("refs/heads/main", []),
        ("refs/heads/v1.2.3", []),
        ("refs/heads/stage-11", []),
        ("refs/pull/7/merge", []),
        ("v1.2.3", []),
    ],
)
def test_a_ref_maps_to_its_image_tags(ref: str, expected: list[str]) -> None:
    assert image_tags(ref, COMMIT, RELEASED) == expected


def test_the_first_release_is_the_latest() -> None:
    tags = image_tags("refs/tags/v0.11.0", COMMIT, [])

    assert tags == ["0.11.0", "0.11", "latest", SHA]


def test_a_newer_pre_release_does_not_keep_a_release_from_being_the_latest() -> None:
    assert "latest" in image_tags("refs/tags/v1.0.0", COMMIT, ["v2.0.0-rc.1"])


@pytest.mark.parametrize(
    "tag", ["v1", "v1.2", "v01.2.3", "v1.2.3.4", "v1.2.3+build.5", "v1.2.3-01", "v1.2.3-", "v1.2.x"]
)
def test_a_release_tag_with_an_invalid_version_is_refused(tag: str) -> None:
    with pytest.raises(NotReleased, match="not a version"):
        image_tags(f"refs/tags/{tag}", COMMIT, [])


def test_a_tag_longer_than_an_images_is_refused() -> None:
    with pytest.raises(NotReleased, match="128"):
        image_tags("refs/tags/v1.0.0-" + "a" * 128, COMMIT, [])
