"""What the administrator decides, read from the environment."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from tflite_api.step import FetchLimits

Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]


class SettingsError(Exception):
    """The environment does not make sense; the message says which variable."""


class Settings(BaseModel):
    """Each field is an environment variable of the same name in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    converter_image: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    """The image of all three containers of a converter pod."""
    watch_namespaces: tuple[str, ...] = ()
    """Separated by commas; empty for all."""
    retry_base_seconds: Seconds = 10
    retry_max_seconds: Seconds = 300
    crash_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many attempts that crashed, or whose Job was deleted, the conversion is Stalled."""
    image_pull_seconds: Seconds = 300
    unschedulable_seconds: Seconds = 300
    job_ttl_seconds: Annotated[int, Field(ge=0)] = 3600
    cleanup_seconds: Seconds = 120
    """How long the deletion of a conversion may wait for that of its artifact."""
    recheck_seconds: Seconds = 60
    """How often an unfinished conversion is looked at although nothing was heard of it."""
    request_timeout_seconds: Seconds = 30
    workers: Annotated[int, Field(ge=1, le=100)] = 8
    """How many conversions are reconciled at once."""
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Of /healthz, /readyz and /metrics."""
    log_level: Annotated[str, StringConstraints(to_upper=True, pattern="^(?i:debug|info|warning|error)$")] = "INFO"

    max_archive_bytes: Annotated[int, Field(ge=1)] = FetchLimits().max_archive_bytes
    max_unpacked_bytes: Annotated[int, Field(ge=1)] = FetchLimits().max_unpacked_bytes
    max_files: Annotated[int, Field(ge=1)] = FetchLimits().max_files
    max_ratio: Annotated[int, Field(ge=1)] = FetchLimits().max_ratio
    fetch_timeout_seconds: Annotated[int, Field(ge=1)] = FetchLimits().timeout_seconds
    allow_local_addresses: bool = False

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if isinstance(given, str):
            return tuple(name.strip() for name in given.split(",") if name.strip())
        return given

    @property
    def limits(self) -> FetchLimits:
        """What prepare may take in."""
        return FetchLimits(
            max_archive_bytes=self.max_archive_bytes,
            max_unpacked_bytes=self.max_unpacked_bytes,
            max_files=self.max_files,
            max_ratio=self.max_ratio,
            timeout_seconds=self.fetch_timeout_seconds,
            allow_local_addresses=self.allow_local_addresses,
        )

    def retry_delay(self, attempt: int) -> timedelta:
        """Give how long after the end of an attempt the next one starts: doubling from the base to the maximum."""
        doubled = self.retry_base_seconds * 2.0 ** min(max(attempt, 1) - 1, 30)
        return timedelta(seconds=min(doubled, self.retry_max_seconds))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; an empty variable counts as absent.

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        given = {name: value for name in cls.model_fields if (value := environment.get(name.upper(), ""))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(f"{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
            raise SettingsError(f"the environment does not make sense: {problems}") from error
