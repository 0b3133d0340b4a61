"""Sections of `kifayat.toml` about the service: when jobs run, what is told to whom, and through which channels."""

from __future__ import annotations

import os
import re
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from core.errors import ConfigError
from core.sections import Section, one_or_many

Topic = Literal["finance", "engineering", "operations"]
Severity = Literal["info", "warning", "error", "critical"]
Percent = Annotated[int, Field(gt=0, le=1000)]


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_REFERENCE = 'a secret is a reference: { env = "NAME" } or { file = "path" }'


def beside(path: Path, info: ValidationInfo) -> Path:
    """A path as it is meant: relative to the configuration file."""
    file = (info.context or {}).get("path")
    return ((file.parent if file else Path.cwd()) / path.expanduser()).resolve()


class SecretConfig(Section):
    """Where a secret is: the name of a variable of the environment, or a file. Never the secret itself.

    Whoever writes the secret in its place is told so without a repetition of it.
    """

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_no_secret(cls, value: object) -> object:
        name = value.get("env", "_") if isinstance(value, dict) else None
        if not isinstance(value, cls) and not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise ValueError(_REFERENCE)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError(_REFERENCE)
        return self

    @field_validator("file")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return None if value is None else beside(value, info)

    def read(self) -> str:
        """The secret as it is now, without spaces around it. Raises ConfigError, which names the place only."""
        if self.file is None:
            text = os.environ.get(self.env or "", "")
        else:
            try:
                text = self.file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError([f"the secret in {self.file} cannot be read: {type(error).__name__}"]) from None
        if not text.strip():
            place = f"the variable {self.env} of the environment" if self.file is None else self.file
            raise ConfigError([f"there is no secret in {place}"])
        return text.strip()


class ChannelConfig(Section):
    """A way out: everything beside these keys belongs to the kind of channel, which checks it.

    `topics`: what it is told of; `min_severity`: from which severity on.
    """

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    kind: str = Field(min_length=1)
    topics: tuple[Topic, ...] = Field(default=("finance", "engineering", "operations"), min_length=1)
    min_severity: Severity = "info"

    @field_validator("topics", mode="before")
    @classmethod
    def _one_topic(cls, value: object) -> object:
        return one_or_many(value)


class AlertsConfig(Section):
    """What is an alert, and when nobody wants to hear of it.

    Percent of a budget: `actual_pct` spent, `forecast_pct` expected at the end of the year, `pace_pct` of what was
    planned to date. Quiet hours are IST and hold back what is neither an error nor critical; `group_minutes` collects
    alerts of one topic into one message.
    """

    actual_pct: tuple[Percent, ...] = (80, 100)
    forecast_pct: tuple[Percent, ...] = (100,)
    pace_pct: tuple[Percent, ...] = (110,)
    anomaly_min_inr: Decimal = Field(default=Decimal(5000), gt=0)
    stale_ingest_hours: int = Field(default=36, ge=1)
    stale_bills_hours: int = Field(default=96, ge=24)
    quiet_from: time | None = None
    quiet_until: time | None = None
    group_minutes: int = Field(default=5, ge=0, le=120)

    @model_validator(mode="after")
    def _both_ends(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both quiet_from and quiet_until")
        return self


class ReportConfig(Section):
    """The weekly and the monthly report: the address of the page that they point to ("" for none).

    `wait_hours`: how long after its time the weekly report waits for bills that do not hold the whole week yet; then it
    goes out and says what is missing. Providers deliver Sunday's last hours up to a day later.
    """

    page_url: str = Field(default="", pattern=r"^(https?://.*)?$")
    wait_hours: int = Field(default=24, ge=0, le=144)


class ServiceConfig(Section):
    """`kifayat serve`: crons of jobs (five fields, IST; "off" for never), its own metrics, and backups.

    `backup_directory`: where the nightly backup goes; without it there is none.
    """

    jobs: dict[str, str] = Field(default_factory=dict)
    metrics_port: int = Field(default=9464, ge=1, le=65535)
    metrics_address: str = "127.0.0.1"
    backup_directory: Path | None = None
    keep_backups: int = Field(default=7, ge=1)

    @field_validator("backup_directory")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return None if value is None else beside(value, info)
