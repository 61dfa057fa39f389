"""Fields that the file has in addition to those of the API."""

from typing import Annotated

from pydantic import Field

from app.fields import InputModel, Line
from app.monitors.schemas import PROBED_KINDS, HeartbeatMonitorIn, MonitorCommon

KIND_MODELS: dict[str, type[MonitorCommon]] = {**PROBED_KINDS, "heartbeat": HeartbeatMonitorIn}

Name = Annotated[Line, Field(min_length=1, max_length=200)]


class ChannelExtra(InputModel):
    """Additional fields of a channel."""

    renamed_from: Name | None = Field(
        default=None, description="The previous name; used if no entry has the new name yet."
    )


class WindowExtra(ChannelExtra):
    """Additional fields of a maintenance window."""

    monitors: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list, description="Names of the monitors it applies to."
    )


class MonitorExtra(ChannelExtra):
    """Additional fields of a monitor."""

    channels: Annotated[list[Name], Field(max_length=100)] | None = Field(
        default=None, description="Names of the channels to notify; if omitted: all of them."
    )
    paused: bool | None = Field(
        default=None, description="Whether it is paused; if omitted: unchanged."
    )
