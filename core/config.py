"""`kifayat.toml`: one file, frozen models, every fault told at once with the nearest known key.

Not for what a plug-in understands by its settings (location schemes): its room checks that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from core.errors import ConfigError
from core.faults import faults_of
from core.registry import Registry, nearest

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


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: Tags that name the namespace of a pod: EKS (activated, and as CUR 2.0 writes them) and GKE.
NAMESPACE_TAGS = ("aws:eks:namespace", "aws_eks_namespace", "k8s-namespace", "kubernetes_namespace")

TagKeys = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class Section(BaseModel):
    """Parent of all sections: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class CompanyConfig(Section):
    """Whose page it is."""

    name: str = ""
    reporting_currency: Literal["INR"] = "INR"


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
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    location: str = Field(min_length=1)
    source: str | None = None
    payer: str | None = None
    shards: Literal["numbered", "all"] = "numbered"
    endpoint: str | None = None
    profile: str | None = None
    region: str | None = None

    @field_validator("location")
    @classmethod
    def _absolute(cls, value: str, info: ValidationInfo) -> str:
        return value if _SCHEME.match(value) else str(_resolve(value, info))

    @model_validator(mode="after")
    def _remote_keys_need_a_remote_location(self) -> ExportConfig:
        given = [key for key in ("endpoint", "profile", "region") if getattr(self, key) is not None]
        if given and not self.is_remote:
            raise ValueError(f'{" and ".join(given)} has no meaning for a folder; write location = "s3://…"')
        return self

    @property
    def is_remote(self) -> bool:
        """Whether the location is scheme://… rather than a folder."""
        return bool(_SCHEME.match(self.location))


Dimension = Literal["team", "environment", "product", "service"]


def _regex(value: str | None) -> str | None:
    if value is not None:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_regex)]


class OwnerConfig(Section):
    """Whose a charge is: at least one of the four."""

    team: str | None = Field(default=None, min_length=1)
    environment: str | None = Field(default=None, min_length=1)
    product: str | None = Field(default=None, min_length=1)
    service: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("it is empty; give at least one of its keys")
        return self


class RuleWhenConfig(Section):
    """Which charges: all that is given must hold. `service_name` (of FOCUS) and `resource` are regular expressions."""

    provider: str | None = None
    account: str | None = None
    region: str | None = None
    namespace: str | None = None
    service_name: Pattern | None = None
    resource: Pattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("it is empty, so every charge would match; give at least one condition")
        return self


class AllocationRuleConfig(Section):
    """Charges that match `when` belong to `set` where their tags say nothing; with `override` whatever they say."""

    when: RuleWhenConfig
    set: OwnerConfig
    override: bool = False


class SharedWhenConfig(OwnerConfig):
    """Which cost is shared: by whose it is, or by what it is. `service_name` is a regular expression."""

    provider: str | None = None
    service_name: Pattern | None = None
    charge_category: str | None = None
    charge_subcategory: str | None = None


class SharedConfig(Section):
    """Cost that many use and nobody owns, and how it is distributed along one dimension.

    even: the same to each; proportional: by their own cost; fixed: by `shares`; users: by monthly active users.
    """

    name: str = Field(min_length=1)
    when: SharedWhenConfig
    to: Dimension = "service"
    method: Literal["even", "proportional", "fixed", "users"] = "proportional"
    shares: dict[str, Decimal] = {}

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if (self.method == "fixed") != bool(self.shares):
            raise ValueError('shares = { … } belong to method = "fixed", and it needs them')
        if any(share < 0 for share in self.shares.values()) or (self.shares and not sum(self.shares.values())):
            raise ValueError("shares are not negative, and not all zero")
        if self.method == "users" and self.to != "product":
            raise ValueError('users are counted by product: method = "users" needs to = "product"')
        return self


#: How people write the environments.
_ENVIRONMENTS = {
    "prod": ("production", "prd", "live"),
    "staging": ("stage", "stg", "uat", "preprod", "pre-prod"),
    "dev": ("development", "develop", "sandbox"),
    "test": ("testing", "qa"),
}


class AllocationConfig(Section):
    """Who owns a charge, and how shared cost is distributed.

    Tag keys of each dimension: of several, the first filled one counts; case, separators and the prefix user: do not
    matter, and with `near_miss` neither does a slip of the pen. `values`: dimension -> spelling -> other spellings.
    """

    team: TagKeys = ("team", "squad", "owner")
    environment: TagKeys = ("environment", "env", "stage")
    product: TagKeys = ("product",)
    service: TagKeys = ("service", "app", "application", "microservice", "k8s-label/app", *NAMESPACE_TAGS)
    near_miss: bool = True
    values: dict[Dimension, dict[str, TagKeys]] = {"environment": _ENVIRONMENTS}
    rules: tuple[AllocationRuleConfig, ...] = ()
    shared: tuple[SharedConfig, ...] = ()

    @field_validator("values")
    @classmethod
    def _keep_environments(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {"environment": _ENVIRONMENTS, **value}


class TargetsConfig(Section):
    """What the company wants to reach: the scoreboard's lines."""

    cost_per_user_inr: Decimal = Field(default=Decimal(5), gt=0)
    yearly_reduction_pct: Decimal = Field(default=Decimal(25), ge=0, le=100)
    tag_coverage_pct: Decimal = Field(default=Decimal(95), ge=0, le=100)
    effective_savings_rate_pct: Decimal = Field(default=Decimal(20), ge=0, le=100)
    waste_share_pct: Decimal = Field(default=Decimal(5), ge=0, le=100)
    freshness_hours: int = Field(default=48, ge=1)


class BudgetConfig(OwnerConfig):
    """Rupees for an Indian financial year: 2026 is April 2026 to March 2027. What is left open counts whole.

    `shape` season: by month as the year before was spent, seen from the exam; even: a twelfth a month.
    """

    name: str = Field(min_length=1)
    financial_year: int = Field(ge=2000, le=2100)
    amount_inr: Decimal = Field(gt=0)
    provider: str | None = None
    shape: Literal["season", "even"] = "season"
    with_tax: bool = False


#: Days on which NEET UG was held or is expected by its rule (first Sunday of May); 2026 was held twice.
_EXAMS = (
    date(2019, 5, 5), date(2020, 9, 13), date(2021, 9, 12), date(2022, 7, 17), date(2023, 5, 7), date(2024, 5, 5),
    date(2025, 5, 4), date(2026, 5, 3), date(2027, 5, 2),
)  # fmt: skip


class SeasonConfig(Section):
    """The days of the exam: months are compared at the same distance from it."""

    exams: tuple[date, ...] = Field(default=_EXAMS, min_length=1)


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
    exports: tuple[ExportConfig, ...] = Field(min_length=1)
    allocation: AllocationConfig = AllocationConfig()
    fx: FxConfig = FxConfig()
    targets: TargetsConfig = TargetsConfig()
    budgets: tuple[BudgetConfig, ...] = ()
    season: SeasonConfig = SeasonConfig()
    dashboard: DashboardConfig = DashboardConfig()

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


def load_config(path: Path | str | None = None, *, sources: Collection[str] = ()) -> Config:
    """Read the configuration, by default ./kifayat.toml. Raises ConfigError with every fault.

    `sources` are the names that an export's `source` may have; none given, none is checked.
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
    faults = _faults_across(data, file, sources)
    try:
        config = Config.model_validate(data, context={"path": file})
    except ValidationError as error:
        raise ConfigError([*faults_of(error, Config, data), *faults], where=str(file)) from error
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
    priority = _table(data, "fx").get("priority", ())
    for name in _one_or_many(priority) if isinstance(priority, list | str) else ():
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


def _guess(name: str, known: Collection[str], otherwise: str) -> str:
    near = nearest(name, known)
    return f". Did you mean {near}?" if near else f"; {otherwise}"


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name)
    return table if isinstance(table, dict) else {}
