"""What the environment says, read once at the start and checked then."""

from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """The environment variables, named like the fields, in capitals."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """The port of `make run`, which listens on this machine only."""


def load_settings() -> Settings:
    """Return the settings; end the program, naming the variable, if one is bad."""
    try:
        return Settings()
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        raise SystemExit("stagewatch: " + "; ".join(faults)) from None
