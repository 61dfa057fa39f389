"""What the file has beside the fields of the API."""

from typing import Annotated

from pydantic import Field

from app.fields import InputModel, Line
from app.monitors.schemas import PROBED_KINDS, HeartbeatMonitorIn, MonitorCommon

KIND_MODELS: dict[str, type[MonitorCommon]] = {**PROBED_KINDS, "heartbeat": HeartbeatMonitorIn}

Name = Annotated[Line, Field(min_length=1, max_length=200)]


class ChannelExtra(InputModel):
    """Of a channel."""

    renamed_from: Name | None = Field(
        default=None, description="The name that it has had, if there is none of the new name yet."
    )


class WindowExtra(ChannelExtra):
    """Of a maintenance window."""

    monitors: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list, description="Names of monitors that it is for."
    )


class MonitorExtra(ChannelExtra):
    """Of a monitor."""

    channels: Annotated[list[Name], Field(max_length=100)] | None = Field(
        default=None, description="Names of the channels to notify; without: all of them."
    )
    paused: bool | None = Field(
        default=None, description="Whether it is not checked; without: it stays as it is."
    )
