"""Types of fields that models share: text that can be stored and shown, numbers that are finite."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# PostgreSQL's integer, which the tables' keys are.
MAX_ID = 2**31 - 1

# Controls (C0 and C1), line separators, the marks that turn the direction of what follows, and
# those that show nothing: with them a name looks like another one. The joiners U+200C and U+200D
# are left out, because Persian and many emoji are spelled with them.
_NOT_IN_A_LINE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOTHING_TO_SEE = re.compile(r"[\s\u200c\u200d]*")


def as_line(text: str, limit: int) -> str | None:
    """Return a foreign text as a Line of at most `limit` characters; None if nothing is to see."""
    line = " ".join(_NOT_IN_A_LINE.sub(" ", _SURROGATE.sub(" ", text)).split())[:limit].rstrip()
    return None if _NOTHING_TO_SEE.fullmatch(line) else line


def _storable(text: str) -> str:
    # JSON may escape half a surrogate pair, but UTF-8 has no way to write one; PostgreSQL's text
    # takes no NUL.
    if "\x00" in text:
        raise ValueError("it must not contain a NUL character")
    if _SURROGATE.search(text):
        raise ValueError("it must not contain half a surrogate pair")
    return text


def _one_line(text: str) -> str:
    if _NOT_IN_A_LINE.search(text):
        raise ValueError("it must not contain control characters or invisible marks")
    if _NOTHING_TO_SEE.fullmatch(text):
        raise ValueError("it must not be blank")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""Text of any number of lines, which UTF-8 can carry and PostgreSQL can store."""

Line = Annotated[Text, AfterValidator(_one_line)]
"""One line with something to see in it and nothing invisible: a name, a title, a secret."""

Milliseconds = Annotated[float, AfterValidator(lambda value: round(value, 3))]
"""A duration to the microsecond; what is beyond is noise."""

Seconds = Annotated[float, Field(allow_inf_nan=False)]

Number = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[float, Field(allow_inf_nan=False)]
"""A number of JSON. Python reads NaN and 1e999 from a text too, which JSON has no way to write."""

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""The number of a row."""


LocationName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", examples=["frankfurt"])
]
"""A place to check from: a word that a log, a metric and an environment variable can carry."""


class InputModel(BaseModel):
    """What a client sends: only fields that exist, with values of their own JSON types.

    Strict, because a client that sends "2" for a number or false for a duration has made a
    mistake, and guessing what was meant stores another.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
