"""What the environment and the files of secrets say, read once at the start and checked then."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.email_address import email_address
from app.fields import LocationName
from app.production import weakness

IpNetwork = IPv4Network | IPv6Network

# Where Docker mounts secrets: a file for each, which `docker inspect` and the environment of a
# process that crashes do not show. Not everywhere is there such a folder.
SECRETS = Path("/run/secrets")

# What is kept at least as long as something else that belongs to it.
_NOT_BEFORE = {
    "daily_retention_days": "hourly_retention_days",
    "incident_retention_days": "notification_retention_days",
}


class Settings(BaseSettings):
    """The environment variables, named like the fields, in capitals; or files named like them.

    A variable wins over a file. One that is set to nothing is not set.
    """

    model_config = SettingsConfigDict(
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    app_env: Literal["development", "production"] = "development"
    """production: keys are required; example values and weak passwords are refused at the start."""

    api_keys: Literal["required", "off"] | None = None
    """Whether the API requires a key, except for what is public. None: only in production."""

    api_key: SecretStr | None = None
    """A first key, with write access: 32 characters or more, as from `openssl rand -hex 32`."""

    webhook_key: SecretStr | None = None
    """Seals the secrets that sign webhooks: 32 random bytes as base64, made by `make secrets`.

    Separate several keys by blanks or newlines: the first one seals, any of them opens. None: in
    production the API and the workers refuse to start; otherwise secrets are stored unsealed.
    """

    metrics_monitors: Annotated[int, Field(ge=0, le=50_000)] = 1000
    """The number of monitors, oldest first, that have their own series in the metrics."""

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9100
    """The port where a worker serves its metrics; 0: none. The API serves its own at /metrics."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """The port of `make run`, which listens on this machine only."""

    listen: Annotated[tuple[str, ...], NoDecode] = ("0.0.0.0",)  # noqa: S104  (a container's)
    """Addresses or names that the image listens on; by default all addresses of its container."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("localhost", "api")
    """Host names that requests may use, without port; "*": any. Addresses are always allowed."""

    public_url: str | None = None
    """The public address of the status page: "https://status.example.com". None: the request's.

    It is used for absolute links, which a feed needs.
    """

    smtp_url: str | None = None
    """The mail server: smtp://USER:PASSWORD@HOST:PORT, smtps:// for TLS from the first byte.

    Over smtp:// a password is sent only after STARTTLS. Add "?starttls=never" for a relay in your
    own network without a certificate. None: no mails are sent.
    """

    mail_from: str | None = None
    """The sender address of mails to subscribers. Needs PUBLIC_URL, for links."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses, networks or names of proxies whose X-Forwarded-For is trusted."""

    log_format: Literal["json", "console"] = "json"
    """The format of logs: a JSON object per line, or text to read at a terminal."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""

    access_log: bool = True
    """Whether the API logs every request. Turn it off behind a proxy that already does."""

    max_connections: Annotated[int, Field(ge=1)] = 1000
    """The maximum number of open client connections; fewer if the limit for open files is low."""

    shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 8
    """Seconds to finish responses when the API stops. Docker kills it after ten by default."""

    max_streams: Annotated[int, Field(ge=1)] = 500
    """The maximum number of clients of /api/events; never more than half of MAX_CONNECTIONS."""

    database_url: str = "postgresql://stagewatch:stagewatch@localhost:5432/stagewatch"
    """Where PostgreSQL is: postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""

    database_password: str | None = None
    """PostgreSQL's password, for a DATABASE_URL without one."""

    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 10
    """The maximum number of database connections of an API process."""

    redis_url: str | None = None
    """Where Redis is: redis://HOST:PORT/DATABASE. None: the process's memory is used instead."""

    redis_password: str | None = None
    """Redis' password, for a REDIS_URL without one."""

    rate_limit_per_minute: Annotated[int, Field(ge=1)] = 1200
    """Requests to /api/ that one client may make per minute."""

    ping_limit_per_minute: Annotated[int, Field(ge=1)] = 60
    """Calls of /ping/TOKEN that are allowed per token and minute."""

    location: LocationName | Literal[""] = ""
    """Where this worker checks from; it checks the monitors that name this location.

    Empty: it checks the monitors that name none, and does all work other than checking.
    """

    check_concurrency: Annotated[int, Field(ge=1, le=50_000)] | None = None
    """Checks that one process handles at a time, including those waiting for their due time.

    None: as many as its file limit and its memory allow.
    """

    retention_days: Annotated[int, Field(ge=1, le=3650)] = 14
    """Days to keep single checks; their sums have separate settings."""

    hourly_retention_days: Annotated[int, Field(ge=8, le=3650)] = 35
    """Days to keep hourly sums. The figures for 24 hours and 7 days are computed from them."""

    daily_retention_days: Annotated[int, Field(ge=91, le=36500)] = 730
    """Days to keep daily sums, at least as long as hourly ones.

    The figures for 30 and 90 days are computed from them.
    """

    notification_retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days to keep notifications that are sent or dead."""

    incident_retention_days: Annotated[int, Field(ge=1, le=36500)] = 365
    """Days to keep incidents after they have been closed, with their notifications."""

    backup_folder: Path | None = None
    """The folder of the backups, from which beat reports the age of the newest one."""

    allowed_networks: Annotated[tuple[IpNetwork, ...], NoDecode] = ()
    """Networks that checks may reach even though they are not public: "10.0.0.0/8, fd00::/8"."""

    nameservers: Annotated[tuple[str, ...], NoDecode] = ()
    """Name servers for checks, "ip" or "ip:port"; by default those of the system."""

    @property
    def offers_mail(self) -> bool:
        """Whether all is set that it takes to send mails: a server, a sender, and links."""
        return bool(self.smtp_url and self.mail_from and self.public_url)

    @property
    def keys_required(self) -> bool:
        """Whether the API wants a key."""
        return (self.api_keys or ("required" if self.app_env == "production" else "off")) != "off"

    @property
    def first_key(self) -> str | None:
        """API_KEY as it is sent."""
        return None if self.api_key is None else self.api_key.get_secret_value()

    @property
    def webhook_keys(self) -> tuple[str, ...]:
        """WEBHOOK_KEY's keys, the one that seals first."""
        return (
            () if self.webhook_key is None else tuple(self.webhook_key.get_secret_value().split())
        )

    @field_validator("api_key")
    @classmethod
    def _sent_in_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[\x21-\x7e]{32,200}", value.get_secret_value()):
            raise ValueError("it must have 32 characters or more, and no blanks")
        return value

    @field_validator("webhook_key")
    @classmethod
    def _sealing_keys(cls, value: SecretStr | None) -> SecretStr | None:
        keys = [] if value is None else value.get_secret_value().split()
        if value is not None and not keys:
            raise ValueError("it is empty; `make secrets` makes one")
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{43}=", key) for key in keys):
            raise ValueError(
                "a key must be 32 bytes as URL-safe base64, 44 characters; `make secrets` makes one"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _asyncpg(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError:
            # The value itself is not shown: it has a password in it.
            raise ValueError("it must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
        if url.get_backend_name() != "postgresql":
            raise ValueError("it must begin with postgresql://")
        return url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)

    @field_validator("database_password", "redis_password")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        # Of a file that is there: nothing in it is a mistake, not the wish to have no password.
        if value == "":
            raise ValueError("it is empty")
        return value

    @field_validator("daily_retention_days", "incident_retention_days")
    @classmethod
    def _not_before(cls, days: int, info: ValidationInfo) -> int:
        # Nobody would find hours of a day that is deleted; notifications go with their incident.
        shorter = _NOT_BEFORE[info.field_name or ""]
        least = info.data.get(shorter, 0)
        if days < least:
            raise ValueError(f"it must not be less than {shorter.upper()}, which is {least}")
        return days

    @field_validator("public_url")
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it must begin with https:// or http:// and have a host")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("it must have neither a user nor a query")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _is_smtp(value):
            # The value itself is not shown: it has a password in it.
            raise ValueError("it must be smtp://USER:PASSWORD@HOST:PORT, or smtps://")
        return value

    @field_validator("mail_from")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return email_address(value) if value else None

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it must begin with redis://, rediss:// or unix://")
        return value or None

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_hosts", "listen", "nameservers", "trusted_proxies", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _with_passwords(self) -> Self:
        self.database_url = _with_password(self.database_url, "stagewatch", self.database_password)
        if self.redis_url:
            # The user that Redis has without any being made.
            self.redis_url = _with_password(self.redis_url, "default", self.redis_password)
        return self


def _with_password(address: str, user: str, password: str | None) -> str:
    """Return the address with the password in it, unless it has one; `user`: if it names none."""
    url = make_url(address)
    if password is None or url.password is not None:
        return address
    with_it = url.set(username=url.username or user, password=password)
    return with_it.render_as_string(hide_password=False)


def _example_values(settings: Settings) -> list[str]:
    """Return what must not be as it is in production."""
    passwords: dict[str, object] = {"DATABASE_PASSWORD": make_url(settings.database_url).password}
    if settings.redis_url:
        passwords["REDIS_PASSWORD"] = make_url(settings.redis_url).password
    if settings.first_key is not None:
        passwords["API_KEY"] = settings.first_key
    for number, key in enumerate(settings.webhook_keys, 1):
        passwords["WEBHOOK_KEY" if number == 1 else f"WEBHOOK_KEY, key {number}"] = key
    weak = {name: weakness(password) for name, password in passwords.items()}
    return [f"{name}: {fault}; see docs/secrets.md" for name, fault in weak.items() if fault]


def _is_smtp(value: str) -> bool:
    try:
        parts = urlsplit(value)
        is_server = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0
    except ValueError:
        # Who asks names the setting.
        return False
    return bool(is_server) and not parts.path.strip("/") and parts.query in ("", "starttls=never")


def load_settings(*, seals: bool = False) -> Settings:
    """Return the settings; end the program, naming the variable or the file, if one is bad.

    `seals`: for a program that reads or writes the secrets of webhooks. In production it must have
    a key for that, or it would store them as they are.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors()]
    except SettingsError as error:
        faults = [f"{error}: {error.__cause__}"]
    else:
        faults = _example_values(settings) if settings.app_env == "production" else []
        if seals and settings.app_env == "production" and not settings.webhook_keys:
            faults.append("WEBHOOK_KEY: there is none; `make secrets` makes one")
        if not faults:
            return settings
    raise SystemExit("stagewatch: " + "; ".join(faults))
