"""Sections of `kifayat.toml` about whose a cost is and what it may be: allocation, targets, budgets, season."""

from __future__ import annotations

import re
from datetime import date
from datetime import date as date_type
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator


def one_or_many(value: Any) -> Any:
    """A text alone is a list of one."""
    return (value,) if isinstance(value, str) else value


#: Tags that name the namespace of a pod: EKS (activated, and as CUR 2.0 writes them) and GKE.
NAMESPACE_TAGS = ("aws:eks:namespace", "aws_eks_namespace", "k8s-namespace", "kubernetes_namespace")

TagKeys = Annotated[tuple[str, ...], BeforeValidator(one_or_many)]


class Section(BaseModel):
    """Parent of all sections: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


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

    @field_validator("shared")
    @classmethod
    def _names_differ(cls, value: tuple[SharedConfig, ...]) -> tuple[SharedConfig, ...]:
        names = [rule.name for rule in value]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are called {doubled[0]!r}; give each a name of its own")
        return value

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

    `shape` season: by month as the year before was spent, seen from the exam; even: a twelfth a month. `owner` is who
    answers for it; where it is not said, that is its team.
    """

    name: str = Field(min_length=1)
    financial_year: int = Field(ge=2000, le=2100)
    amount_inr: Decimal = Field(gt=0)
    owner: str | None = Field(default=None, min_length=1)
    provider: str | None = None
    shape: Literal["season", "even"] = "season"
    with_tax: bool = False


class CreditConfig(Section):
    """What a provider granted and no export tells: the whole amount in the currency of the bill, and its last day.

    `name` is a part of the credit's description in the bill, whatever its case.
    """

    name: str = Field(min_length=1)
    amount: Decimal = Field(gt=0)
    expires_on: date


#: Days on which NEET UG was held or is expected by its rule (first Sunday of May); 2026 was held twice.
_EXAMS = (
    date(2019, 5, 5), date(2020, 9, 13), date(2021, 9, 12), date(2022, 7, 17), date(2023, 5, 7), date(2024, 5, 5),
    date(2025, 5, 4), date(2026, 5, 3), date(2027, 5, 2),
)  # fmt: skip


class EventConfig(Section):
    """An event beside those that are shipped, or instead of one of them on the same day.

    `lo`..`hi`: the window in days in which it is felt; `days`: how many it lasts; `size`: how strong beside others
    of its name; `known_from`: when it was announced.
    """

    event: str = Field(min_length=1)
    date: date_type
    lo: int | None = Field(default=None, le=0)
    hi: int | None = Field(default=None, ge=0)
    days: int | None = Field(default=None, ge=1)
    size: float | None = Field(default=None, gt=0, le=10)
    status: str | None = None
    known_from: date_type | None = None
    known_until: date_type | None = None


class ScenarioConfig(Section):
    """What if: the next occurrence of each event in `moves` takes place on another day."""

    name: str = Field(min_length=1)
    moves: dict[str, date_type]

    @field_validator("name")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value in ("given", "mixture"):
            raise ValueError(f"{value!r} is the name of a forecast that is always made; call it otherwise")
        return value


class SeasonConfig(Section):
    """The days of the exam: months are compared at the same distance from it. And what else makes a season.

    `growth_per_year_pct`: growth of the users that the business states, instead of the one that the past shows.
    `release_days`: first and last days of releases, on which non-production stays on and which teach no schedule.
    """

    exams: tuple[date, ...] = Field(default=_EXAMS, min_length=1)
    events: tuple[EventConfig, ...] = ()
    scenarios: tuple[ScenarioConfig, ...] = ()
    growth_per_year_pct: Decimal | None = Field(default=None, gt=-100, le=1000)
    release_days: tuple[tuple[date, date], ...] = ()

    @field_validator("release_days")
    @classmethod
    def _days_in_order(cls, value: tuple[tuple[date, date], ...]) -> tuple[tuple[date, date], ...]:
        if wrong := [f"{first} to {last}" for first, last in value if last < first]:
            raise ValueError(f"{wrong[0]} ends before it begins; give the first day, then the last")
        return value


class ForecastConfig(Section):
    """How far and how finely is forecast: days ahead, sample paths, and the seed that makes a forecast repeatable."""

    horizon_days: int = Field(default=550, ge=30, le=730)
    paths: int = Field(default=400, ge=100, le=5000)
    seed: int = Field(default=0, ge=0)


class PlanConfig(Section):
    """How commitments are bought: what money costs the company a year, and after how many months again."""

    cost_of_capital_pct: Decimal = Field(default=Decimal(11), ge=0, le=100)
    buy_every_months: Literal[1, 3] = 3
