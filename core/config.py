"""`kifayat.toml`: one file, frozen models, every fault told at once with the nearest known key.

Not for what a plug-in understands by its settings (location schemes): its room checks that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.connections import ConnectionConfig
from core.errors import ConfigError
from core.faults import faults_of
from core.registry import Registry, nearest
from core.sections import (
    AllocationConfig,
    BudgetConfig,
    CreditConfig,
    ForecastConfig,
    PlanConfig,
    SeasonConfig,
    Section,
    TagKeys,
    TargetsConfig,
    one_or_many,
)
from core.service_sections import AlertsConfig, ChannelConfig, ReportConfig, ServiceConfig

DEFAULT_NAME = "kifayat.toml"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)
_SIZE = r"^(\d+(\.\d+)?\s*([KMGT]i?B|%))?$"


def _folder(info: ValidationInfo) -> Path:
    """The folder that relative paths are meant from: that of the file, or the current one."""
    context = info.context or {}
    path: Path | None = context.get("path")
    return path.parent if path else Path.cwd()


def _resolve(path: str | Path, info: ValidationInfo) -> Path:
    return (_folder(info) / Path(path).expanduser()).resolve()


class CompanyConfig(Section):
    """Whose page it is, and which of its services keep data that the law holds in India."""

    name: str = ""
    reporting_currency: Literal["INR"] = "INR"
    regulated_services: TagKeys = ()


class StorageConfig(Section):
    """Where charges, ledger and snapshots lie, and how long."""

    directory: Path
    keep_months: int = Field(default=36, ge=1)
    keep_generations: int = Field(default=3, ge=1)

    @field_validator("directory")
    @classmethod
    def _absolute(cls, value: Path, info: ValidationInfo) -> Path:
        return _resolve(value, info)


class EngineConfig(Section):
    """What one process may take. An empty limit and 0 threads mean the engine's own defaults."""

    memory_limit: str = Field(default="", pattern=_SIZE)
    threads: int = Field(default=0, ge=0)
    temp_directory: Path | None = None

    @field_validator("temp_directory")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return None if value is None else _resolve(value, info)


class ExportConfig(Section):
    """One export: where its files come from and, when detection should not decide, what they are.

    `location` is a folder (absolute here, in TOML relative to the file) or scheme://…, as s3://bucket/prefix.
    `shards`: "numbered" takes names that differ only by a number as one delivery, "all" the whole folder.
    `query` asks a database or Prometheus; there `metric` names what it counts. `since`: the first day that is asked
    for. Secrets are names of variables of the environment: `token_env`, `password_env`. `connection` names the access
    to a cloud, as for aws://metrics; `every_hours`: how often a cloud is asked anew.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    location: str = Field(min_length=1)
    source: str | None = None
    payer: str | None = None
    shards: Literal["numbered", "all"] = "numbered"
    endpoint: str | None = None
    profile: str | None = None
    region: str | None = None
    query: str | None = Field(default=None, min_length=1)
    metric: str = "concurrent"
    since: date | None = None
    token_env: str | None = None
    password_env: str | None = None
    connection: str | None = None
    every_hours: float | None = Field(default=None, ge=0, le=24 * 31)

    @field_validator("location")
    @classmethod
    def _absolute(cls, value: str, info: ValidationInfo) -> str:
        return value if _SCHEME.match(value) else str(_resolve(value, info))

    @model_validator(mode="after")
    def _remote_keys_need_a_remote_location(self) -> ExportConfig:
        remote = (
            "endpoint", "profile", "region", "connection", "query", "since", "token_env", "password_env", "every_hours",
        )  # fmt: skip
        given = [key for key in remote if getattr(self, key) is not None]
        given += ["metric"] if "metric" in self.model_fields_set else []
        if given and not self.is_remote:
            address = '"s3://…"' if set(given) <= set(remote[:4]) else '"prometheus+https://…" or "postgresql://…"'
            raise ValueError(f"{' and '.join(given)} has no meaning for a folder; write location = {address}")
        return self

    @property
    def is_remote(self) -> bool:
        """Whether the location is scheme://… rather than a folder."""
        return bool(_SCHEME.match(self.location))


class FxConfig(Section):
    """Exchange rates: exports in order of trust, and how old a rate may be."""

    priority: TagKeys = ()
    max_gap_days: int = Field(default=7, ge=0)


class DashboardConfig(Section):
    """Where the page listens; on this machine only unless told otherwise."""

    port: int = Field(default=8501, ge=1, le=65535)
    address: str = "127.0.0.1"


class Config(Section):
    """The whole configuration. `[storage] directory` and one `[[exports]]` are enough."""

    company: CompanyConfig = CompanyConfig()
    storage: StorageConfig
    engine: EngineConfig = EngineConfig()
    connections: tuple[ConnectionConfig, ...] = ()
    exports: tuple[ExportConfig, ...] = Field(min_length=1)
    allocation: AllocationConfig = AllocationConfig()
    fx: FxConfig = FxConfig()
    targets: TargetsConfig = TargetsConfig()
    budgets: tuple[BudgetConfig, ...] = ()
    credits: tuple[CreditConfig, ...] = ()
    season: SeasonConfig = SeasonConfig()
    forecast: ForecastConfig = ForecastConfig()
    plan: PlanConfig = PlanConfig()
    dashboard: DashboardConfig = DashboardConfig()
    service: ServiceConfig = ServiceConfig()
    alerts: AlertsConfig = AlertsConfig()
    report: ReportConfig = ReportConfig()
    channels: tuple[ChannelConfig, ...] = ()

    @field_validator("budgets")
    @classmethod
    def _budgets_differ(cls, value: tuple[BudgetConfig, ...]) -> tuple[BudgetConfig, ...]:
        names = [(budget.name, budget.financial_year) for budget in value]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two budgets of {doubled[0][1]} are called {doubled[0][0]!r}; give each its own name")
        return value

    _path: Path = PrivateAttr(default_factory=lambda: Path.cwd() / DEFAULT_NAME)

    def model_post_init(self, context: Any, /) -> None:
        """Keep the path of the file that was read."""
        if context and "path" in context:
            self._path = context["path"]

    @property
    def path(self) -> Path:
        """The file that was read (for a configuration made in Python: where it would lie)."""
        return self._path

    def export(self, name: str) -> ExportConfig:
        """The export of that name. Raises UnknownName with the nearest one."""
        return Registry("export", ((export.name, export) for export in self.exports))[name]


def load_config(
    path: Path | str | None = None,
    *,
    sources: Collection[str] = (),
    channels: Callable[[], Mapping[str, type[ChannelConfig]]] | None = None,
) -> Config:
    """Read the configuration, by default ./kifayat.toml. Raises ConfigError with every fault.

    `sources` are the names that an export's `source` may have, `channels` gives the settings of each kind of
    channel, asked only where there is one; none given, none is checked.
    """
    file = Path(path) if path is not None else Path(DEFAULT_NAME)
    file = file.expanduser().absolute()
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            ["there is no such file; write one with `kifayat init`, or name it: kifayat --config FILE …"],
            where=str(file),
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"it is not TOML: {error}"], where=str(file)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"it cannot be read: {error}"], where=str(file)) from error
    faults = _faults_across(data, file, sources) + _faults_of_channels(data, file, channels)
    try:
        config = Config.model_validate(data, context={"path": file})
    except ValidationError as error:
        told = dict.fromkeys([*faults_of(error, Config, data), *faults])  # a kind of channel sees some of them too
        raise ConfigError(list(told), where=str(file)) from error
    if faults:
        raise ConfigError(faults, where=str(file))
    return config


def _faults_across(data: Mapping[str, Any], file: Path, sources: Collection[str]) -> list[str]:
    """Faults between sections, read from the raw tables so that they are told beside all others."""
    tables = data.get("exports")
    exports = [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []
    names = [name for table in exports if isinstance(name := table.get("name"), str)]
    faults = [f"two exports are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    for table in exports if sources else ():
        source = table.get("source")
        if isinstance(source, str) and source.strip() not in sources:
            faults.append(
                f"the source of export {table.get('name')!r} is {source!r}, which is no source"
                + _guess(source, sources, "see `kifayat list sources`")
            )
    faults += _faults_of_connections(data, exports)
    priority = _table(data, "fx").get("priority", ())
    for name in one_or_many(priority) if isinstance(priority, list | str) else ():
        if isinstance(name, str) and name not in names:
            faults.append(
                f"fx.priority names {name!r}, which is no export" + _guess(name, names, "take one of [[exports]]")
            )
    directory = _table(data, "storage").get("directory")
    if isinstance(directory, str):
        store = (file.parent / Path(directory).expanduser()).resolve()
        for table in exports:
            location = table.get("location")
            if not isinstance(location, str) or _SCHEME.match(location):
                continue
            folder = (file.parent / Path(location).expanduser()).resolve()
            if folder.is_relative_to(store) or store.is_relative_to(folder):
                faults.append(
                    f"the location of export {table.get('name')!r} and storage.directory lie in one another: "
                    f"{folder} and {store}. The store would be read as an export; take a folder beside it"
                )
    return faults


def _faults_of_connections(data: Mapping[str, Any], exports: Sequence[Mapping[str, Any]]) -> list[str]:
    found = data.get("connections")
    tables = [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []
    names = [name for table in tables if isinstance(name := table.get("name"), str)]
    faults = [f"two connections are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    for table in exports:
        wanted = table.get("connection")
        if isinstance(wanted, str) and wanted not in names:
            faults.append(
                f"the connection of export {table.get('name')!r} is {wanted!r}, which is no connection"
                + _guess(wanted, names, "write a section [[connections]]; `kifayat connect aws` prints one")
            )
    return faults


def _faults_of_channels(
    data: Mapping[str, Any], file: Path, settings: Callable[[], Mapping[str, type[ChannelConfig]]] | None
) -> list[str]:
    """What the kinds of channels find in their tables, and names that are not unique."""
    found = data.get("channels")
    tables = [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []
    names = [name for table in tables if isinstance(name := table.get("name"), str)]
    faults = [f"two channels are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    kinds = settings() if tables and settings is not None else {}
    for number, table in enumerate(tables if kinds else ()):
        name = table.get("name")
        label = f"channels[{number}]" + (f" ({name})" if isinstance(name, str) else "")
        if isinstance(table.get("kind"), str):
            faults += channel_faults(label, table, kinds, file)
    return faults


def channel_faults(
    label: str, table: Mapping[str, Any], kinds: Mapping[str, type[ChannelConfig]], file: Path
) -> list[str]:
    """Every fault of one [[channels]] as its kind sees it."""
    kind = str(table["kind"]).strip()
    if kind not in kinds:
        return [f"{label}.kind is {kind!r}, which is no channel" + _guess(kind, kinds, "see `kifayat list channels`")]
    try:
        kinds[kind].model_validate(table, context={"path": file})
    except ValidationError as error:
        return [
            label + (fault.removeprefix("the file") if fault.startswith("the file") else f".{fault}")
            for fault in faults_of(error, kinds[kind], table)
        ]
    return []


def _guess(name: str, known: Collection[str], otherwise: str) -> str:
    near = nearest(name, known)
    return f". Did you mean {near}?" if near else f"; {otherwise}"


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name)
    return table if isinstance(table, dict) else {}
