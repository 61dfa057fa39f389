"""What the environment says, read once at the start and checked then."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode

IpNetwork = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """The environment variables, named like the fields, in capitals."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """The port of `make run`, which listens on this machine only."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("localhost", "api")
    """Host names that requests may use, without port; "*": any. Addresses are always allowed."""

    max_connections: Annotated[int, Field(ge=1)] = 1000
    """The maximum number of open client connections; fewer if the limit for open files is low."""

    allowed_networks: Annotated[tuple[IpNetwork, ...], NoDecode] = ()
    """Networks that checks may reach even though they are not public: "10.0.0.0/8, fd00::/8"."""

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings() -> Settings:
    """Return the settings; end the program, naming the variable, if one is bad."""
    try:
        return Settings()
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        raise SystemExit("stagewatch: " + "; ".join(faults)) from None
