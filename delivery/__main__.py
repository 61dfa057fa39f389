"""The command line: ``python3 -m delivery COMMAND``; see ``--help``.

Only the result is written to standard output, so that a workflow can pass it on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .images import DeliveryError, Source, publish, push
from .tags import NotReleased


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m delivery", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    tags = commands.add_parser("tags", help="print the tags that the image of a ref gets")
    push_ = commands.add_parser("push", help="build and push; print the digest")
    publish_ = commands.add_parser("publish", help="tag what was pushed; print the digest")
    for command in (tags, push_, publish_):
        command.add_argument("ref", help="refs/tags/v1.2.3 or refs/tags/stage-07")
        command.add_argument(
            "--source",
            type=Path,
            default=Path(),
            metavar="DIR",
            help="where the ref is checked out (default: here)",
        )
    for command in (push_, publish_):
        command.add_argument("repository", help="docker.io/NAME/stagewatch")
    push_.add_argument("--url", default="", help="where the source is found, for a label")
    publish_.add_argument("digests", nargs="+", metavar="DIGEST", help="sha256:…")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    source = Source(options.ref, options.source)
    try:
        if options.command == "tags":
            for tag in source.tags():
                print(tag)
        elif options.command == "push":
            print(push(source, options.repository, options.url))
        else:
            print(publish(source, options.repository, options.digests))
    except (DeliveryError, NotReleased) as error:
        print(f"delivery: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
