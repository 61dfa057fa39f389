"""Monitors as a client writes them."""

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from app.fields import InputModel, Line, Seconds
from app.probing.schemas import HttpSpec

DEFAULT_TIMEOUT_SECONDS = 10.0


class MonitorCommon(InputModel):
    """The fields of every kind of monitor."""

    name: Annotated[Line, Field(min_length=1, max_length=200)] = Field(examples=["Shop"])


class Probed(MonitorCommon):
    """The fields of all kinds whose targets are probed."""

    interval_seconds: Annotated[int, Field(ge=5, le=86400)] = 60
    timeout_seconds: Annotated[Seconds, Field(ge=0.1, le=60)] = Field(
        default=DEFAULT_TIMEOUT_SECONDS,
        validate_default=True,
        description="Limits the whole check; at most the interval, which is also the default "
        "if it is under 10 seconds.",
    )
    confirmations: Annotated[int, Field(ge=1, le=10)] = Field(
        default=2, description="Consecutive failures, with quick retries, until it is down."
    )

    @field_validator("timeout_seconds", mode="wrap")
    @classmethod
    def _fits_in_the_interval(cls, value: Any, validate: Any, info: ValidationInfo) -> float:
        interval = info.data.get("interval_seconds")
        if value is DEFAULT_TIMEOUT_SECONDS and interval is not None:
            return float(min(value, interval))
        timeout: float = validate(value)
        if interval is not None and timeout > interval:
            raise ValueError("it must not be longer than interval_seconds")
        return timeout


class HttpMonitorIn(Probed, HttpSpec):
    """An HTTP request, sent every `interval_seconds`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Shop",
                    "kind": "http",
                    "url": "https://example.com/health",
                    "interval_seconds": 30,
                    "timeout_seconds": 5,
                    "keyword": "ok",
                }
            ]
        },
    )

    kind: Literal["http"]


MonitorIn = HttpMonitorIn
