"""Schemas of the requests for a probe, and of the responses."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from app.fields import InputModel, Milliseconds, Number, Seconds, Text
from app.probing.headers import check_header, is_masked
from app.probing.result import Result
from app.probing.targets import HttpTarget
from app.probing.urls import parse_url
from app.probing.verdict import parse_json_path, parse_status_ranges


def _url(text: str) -> str:
    return parse_url(text).text


def _json_path(text: str) -> str:
    parse_json_path(text)
    return text


class HttpSpec(InputModel):
    """An HTTP request, and the conditions that its response must meet."""

    url: Annotated[Text, Field(max_length=2048), AfterValidator(_url)] = Field(
        examples=["https://example.com/health"]
    )
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: Annotated[dict[Text, Text], Field(max_length=50)] = Field(
        default_factory=dict, examples=[{"Accept": "application/json"}]
    )
    body: Annotated[Text, Field(max_length=32768)] | None = None
    accepted_status_codes: Annotated[list[Text | int], Field(min_length=1, max_length=50)] = Field(
        default=["200-299"], examples=[["200-299", 404]]
    )
    keyword: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    keyword_absent: bool = Field(
        default=False, description="The keyword must be absent instead of present."
    )
    json_path: Annotated[Text, Field(max_length=500), AfterValidator(_json_path)] | None = Field(
        default=None, examples=["$.status"], description="A singular query as in RFC 9535."
    )
    json_value: Text | bool | Number | None = Field(
        default=None, examples=["ok"], description="The required value at `json_path`."
    )
    follow_redirects: bool = True
    verify_tls: bool = True
    certificate_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Fail if the certificate expires in fewer days."
    )

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            check_header(name, value)
        return headers

    @field_validator("accepted_status_codes")
    @classmethod
    def _status_codes(cls, codes: list[str | int]) -> list[str | int]:
        parse_status_ranges(codes)
        return codes

    @field_validator("keyword_absent")
    @classmethod
    def _keyword_absent(cls, absent: bool, info: ValidationInfo) -> bool:
        if absent and info.data.get("keyword") is None:
            raise ValueError("there is no keyword that could be absent")
        return absent

    @field_validator("certificate_days")
    @classmethod
    def _certificate_days(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is not None and not info.data.get("verify_tls", True):
            raise ValueError("it needs verify_tls")
        return days

    def target(self) -> HttpTarget:
        """Return the target for the prober."""
        return HttpTarget(
            url=parse_url(self.url),
            method=self.method,
            headers=tuple(self.headers.items()),
            body=None if self.body is None else self.body.encode(),
            accepted=parse_status_ranges(self.accepted_status_codes),
            keyword=self.keyword,
            keyword_absent=self.keyword_absent,
            json_path=self.json_path,
            json_value=self.json_value,
            follow_redirects=self.follow_redirects,
            verify_tls=self.verify_tls,
            certificate_days=self.certificate_days,
        )


class ProbeRequest(HttpSpec):
    """One immediate probe."""

    timeout_seconds: Annotated[Seconds, Field(ge=0.1, le=60)] = 10

    @field_validator("headers")
    @classmethod
    def _no_mask(cls, headers: dict[str, str]) -> dict[str, str]:
        if is_masked(headers):
            raise ValueError("*** stands for a stored value, which a probe does not have")
        return headers


class SuggestionRequest(InputModel):
    """What a user has typed."""

    url: Annotated[Text, Field(max_length=2048)] = Field(
        examples=["example.com"], description="A URL, or a name or address, with or without a port."
    )


class TimingsOut(BaseModel):
    """Milliseconds; null for phases that the probe did not reach."""

    model_config = ConfigDict(from_attributes=True)

    dns_ms: Milliseconds | None = None
    connect_ms: Milliseconds | None = None
    tls_ms: Milliseconds | None = None
    first_byte_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None


class ProbeResult(BaseModel):
    """The outcome of a probe."""

    model_config = ConfigDict(from_attributes=True)

    ok: bool
    latency_ms: Milliseconds | None
    timings: TimingsOut
    status_code: int | None
    error: str | None = Field(examples=["connection refused"])

    @classmethod
    def of(cls, result: Result) -> "ProbeResult":
        return cls.model_validate(result)


class SuggestionOut(BaseModel):
    """A draft for POST /api/monitors, the result of its first probe, and notes for the user."""

    monitor: dict[str, Any] = Field(
        examples=[
            {
                "name": "Example Domain",
                "kind": "http",
                "url": "https://example.com/",
                "keyword": "Example Domain",
            }
        ]
    )
    probe: ProbeResult | None
    notes: list[str] = Field(examples=[["The certificate expires in 12 days."]])
