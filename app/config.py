"""The configuration, from environment variables, so that one image runs everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass

ENVIRONMENTS = ("production", "development")


@dataclass(frozen=True)
class Config:
    """APP_ENV, HOST and PORT. By default production, on this machine only."""

    app_env: str = "production"
    host: str = "127.0.0.1"
    port: int = 5000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Config":
        """Read the configuration; raise ValueError, naming the variable, for a bad value."""
        app_env = environment.get("APP_ENV", cls.app_env)
        if app_env not in ENVIRONMENTS:
            raise ValueError(f"APP_ENV is {app_env!r}; it must be one of {', '.join(ENVIRONMENTS)}")
        port = environment.get("PORT", str(cls.port))
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"PORT is {port!r}; it must be a number from 1 to 65535")
        return cls(app_env=app_env, host=environment.get("HOST", cls.host), port=int(port))
