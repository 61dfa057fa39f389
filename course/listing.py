"""The table of stages that `list` prints."""

from collections.abc import Iterator, Mapping

from .chain import Stage
from .git import Clone
from .stages import summary
from .tags import read_tags


def lines(clone: Clone, stages: Mapping[str, Stage], *, commits: bool) -> Iterator[str]:
    """Yield the table's lines: one per stage, with its commits below it if ``commits`` is set."""
    present = read_tags(clone)
    tags = {number: _tag_of(stage, present) for number, stage in stages.items()}
    width = max(len("stage-NN"), *map(len, tags.values()))

    yield f"stage  {'tag':<{width}}  commit     commits  what it adds"
    for number, stage in stages.items():
        yield (
            f"{number:<5}  {tags[number]:<{width}}  {stage.last.short}  {len(stage.commits):7}  "
            f"{summary(number)}"
        ).rstrip()
        if commits:
            for commit in stage.commits:
                yield f"{'':<7}{'':<{width}}  {commit.short}{'':<11}{commit.subject}"


def _tag_of(stage: Stage, present: Mapping[str, str]) -> str:
    """Return the stage's tag, that of the newest edition if there are several, or "-" if none."""
    names = [
        tag
        for tag, commit in present.items()
        if commit == stage.last.id and tag.endswith(f"stage-{stage.number}")
    ]
    return min(names, key=lambda tag: ("/" in tag, tag), default="-")
