"""Field types shared by models: text that can be stored and shown, finite numbers."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# The largest PostgreSQL integer, the type of the tables' keys.
MAX_ID = 2**31 - 1

# Controls (C0 and C1), line separators, marks that change the text's direction, and invisible
# marks, with which a name can look like another one. The joiners U+200C and U+200D are allowed,
# because Persian and many emoji are spelled with them.
_NOT_IN_A_LINE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOTHING_TO_SEE = re.compile(r"[\s\u200c\u200d]*")


def as_line(text: str, limit: int) -> str | None:
    """Return any text as a Line of at most `limit` characters; None if nothing is visible."""
    line = " ".join(_NOT_IN_A_LINE.sub(" ", _SURROGATE.sub(" ", text)).split())[:limit].rstrip()
    return None if _NOTHING_TO_SEE.fullmatch(line) else line


def _storable(text: str) -> str:
    # JSON may escape half a surrogate pair, but UTF-8 can't encode one; PostgreSQL's text can't
    # contain NUL.
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
"""Text of any number of lines that UTF-8 can encode and PostgreSQL can store."""

Line = Annotated[Text, AfterValidator(_one_line)]
"""One line with visible characters and nothing invisible: a name, a title, a secret."""

Milliseconds = Annotated[float, AfterValidator(lambda value: round(value, 3))]
"""A duration, rounded to microseconds; further digits are noise."""

Seconds = Annotated[float, Field(allow_inf_nan=False)]

Number = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[float, Field(allow_inf_nan=False)]
"""A finite number. Python also parses NaN and 1e999, an infinity, which JSON can't represent."""

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""The id of a row."""


LocationName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", examples=["frankfurt"])
]
"""A place to check from: a word that fits in logs, metrics and environment variables."""


class InputModel(BaseModel):
    """Input from a client: only known fields, with values of exactly their JSON types.

    It is strict because a client that sends "2" for a number or false for a duration has made a
    mistake, and a guess at what was meant may store another one.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
