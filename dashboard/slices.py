"""The explorer's questions as SQL: any dimension or tag, any filter, a period; from the mart when it suffices.

Identifiers come only from `DIMENSIONS`, every value is a parameter. Not for drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from core import COLUMNS
from dashboard.measure import Measure

#: What people ask for most, with their words for it.
_FIRST: Final = {
    "ServiceName": "Service",
    "ProviderName": "Provider",
    "SubAccountName": "Account",
    "x_Team": "Team",
    "x_Environment": "Environment",
    "x_Product": "Product",
    "x_Service": "Own service",
    "RegionId": "Region",
    "ServiceCategory": "Service category",
    "ChargeCategory": "Charge category",
    "ResourceId": "Resource",
    "SkuMeter": "Usage type",
}
_OURS: Final = {
    "x_ChargeSubcategory": "Charge subcategory",
    "x_ChargeType": "Line type of the provider",
    "x_UsageType": "Usage type of the provider",
    "x_Operation": "Operation",
    "x_ExportName": "Export",
}
#: Dimensions of cost_daily; everything else needs the charges themselves.
DAILY: Final = frozenset(
    {
        "ProviderName", "BillingAccountId", "BillingCurrency", "SubAccountId", "SubAccountName", "ServiceCategory",
        "ServiceName", "RegionId", "ChargeCategory", "x_ChargeSubcategory", "PricingCategory", "CommitmentDiscountId",
        "CommitmentDiscountType", "CommitmentDiscountStatus", "InvoiceId", "x_Team", "x_Environment", "x_Product",
        "x_Service", "x_ExportName",
    }
)  # fmt: skip


def _dimensions() -> dict[str, str]:
    texts = {
        name: column.display_name
        for name, column in sorted(COLUMNS.items())
        if column.column_type == "Dimension" and column.data_type == "String"
    }
    return {**_FIRST, **{name: label for name, label in texts.items() if name not in _FIRST}, **_OURS}


#: Column -> words; the only identifiers that a choice can bring into SQL.
DIMENSIONS: Final[Mapping[str, str]] = _dimensions()


@dataclass(frozen=True)
class Dimension:
    """A column of `DIMENSIONS`, or with `is_tag` the value of a tag key, which may be any text."""

    name: str
    is_tag: bool = False

    def __post_init__(self) -> None:
        if not self.is_tag and self.name not in DIMENSIONS:
            raise ValueError(f"{self.name!r} is no dimension")

    @property
    def label(self) -> str:
        """Words for a heading; a tag key is data."""
        return f"Tag {self.name}" if self.is_tag else DIMENSIONS[self.name]

    @property
    def is_daily(self) -> bool:
        """Whether the mart has it."""
        return not self.is_tag and self.name in DAILY

    def expression(self, params: dict[str, Any]) -> str:
        """SQL text of its value; a tag key becomes a parameter."""
        if not self.is_tag:
            return f'"{self.name}"'
        marker = f"tag_{len(params)}"
        # a JSON pointer, not a path: in $."*" the star would mean every key
        params[marker] = "/" + self.name.replace("~", "~0").replace("/", "~1")
        return f"json_extract_string(Tags, ${marker})"


@dataclass(frozen=True)
class Period:
    """Invoice months (both first days, inclusive) or with `by_day` days in India (inclusive)."""

    first: date
    last: date
    by_day: bool = False


@dataclass(frozen=True)
class Filter:
    """Charges whose dimension has one of the values; None is a charge without the dimension."""

    dimension: Dimension
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class Slice:
    """What to sum: a measure, a period and filters."""

    measure: Measure
    period: Period
    filters: tuple[Filter, ...] = field(default=())

    def but(self, *filters: Filter) -> Slice:
        """The same with further filters."""
        return Slice(self.measure, self.period, (*self.filters, *filters))

    def totals(self, by: Dimension, limit: int) -> tuple[str, dict[str, Any]]:
        """name, amount, charges, native amount without a rate: largest first."""
        daily = self._is_daily(by)
        params, where = self._where(daily)
        counted = "SUM(x_Charges)" if daily else "COUNT(*)"
        sql = f"""
            SELECT {by.expression(params)} AS name, SUM({self.measure.amount}) AS amount,
                CAST({counted} AS BIGINT) AS charges,
                COUNT(*) FILTER (({self.measure.amount}) IS NULL AND {self.measure.native} <> 0) AS unpriced
            FROM {"cost_daily" if daily else "charges_inr"}
            WHERE {where}
            GROUP BY 1 ORDER BY amount DESC NULLS LAST, name LIMIT $limit"""
        return sql, params | {"limit": limit}

    def total(self) -> tuple[str, dict[str, Any]]:
        """amount of the whole slice; NULL when nothing in it has a rate."""
        daily = self._is_daily()
        params, where = self._where(daily)
        sql = f"""
            SELECT SUM({self.measure.amount}) AS amount
            FROM {"cost_daily" if daily else "charges_inr"}
            WHERE {where}"""
        return sql, params

    def unpriced(self) -> tuple[str, dict[str, Any]]:
        """currency, month, native amount, reason of what no rate converts: in none of the sums."""
        daily = self._is_daily()
        params, where = self._where(daily)
        sql = f"""
            SELECT BillingCurrency AS currency, x_BillingMonth AS month, SUM({self.measure.native}) AS native,
                MAX(COALESCE(x_InrReason, 'no dollar rate')) AS reason
            FROM {"cost_daily" if daily else "charges_inr"}
            WHERE {where} AND ({self.measure.amount}) IS NULL AND {self.measure.native} <> 0
            GROUP BY 1, 2 ORDER BY 2, 1"""
        return sql, params

    def over_time(
        self, by: Dimension, top: Sequence[str | None], other: str, nothing: str
    ) -> tuple[str, dict[str, Any]]:
        """at, name, amount by day, or by month when the period is long; names outside `top` are `other`."""
        daily = self._is_daily(by)
        params, where = self._where(daily)
        name = by.expression(params)
        day = _day(daily)
        at = day if self.is_short else "x_BillingMonth"
        params |= {"top": [value for value in top if value is not None], "other": other, "nothing": nothing}
        null_name = "$nothing" if None in top else "$other"
        sql = f"""
            SELECT {at} AS at,
                CASE WHEN {name} IS NULL THEN {null_name}
                    WHEN list_contains($top, {name}) THEN {name} ELSE $other END AS name,
                SUM({self.measure.amount}) AS amount
            FROM {"cost_daily" if daily else "charges_inr"}
            WHERE {where}
            GROUP BY 1, 2 ORDER BY 1"""
        if None not in top:
            del params["nothing"]
        return sql, params

    def resources(self, limit: int) -> tuple[str, dict[str, Any]]:
        """The resources of the slice, largest first."""
        params, where = self._where(False)
        sql = f"""
            SELECT ResourceId, ANY_VALUE(ResourceName) AS ResourceName, ANY_VALUE(ServiceName) AS ServiceName,
                ANY_VALUE(RegionId) AS RegionId, ANY_VALUE(x_Team) AS x_Team, COUNT(*) AS charges,
                SUM({self.measure.amount}) AS amount
            FROM charges_inr
            WHERE {where}
            GROUP BY 1 ORDER BY amount DESC NULLS LAST, ResourceId LIMIT $limit"""
        return sql, params | {"limit": limit}

    def days(self) -> tuple[str, dict[str, Any]]:
        """The slice by day in India and usage type."""
        params, where = self._where(False)
        sql = f"""
            SELECT {_day(False)} AS day, COALESCE(SkuMeter, ChargeCategory) AS meter, PricingCategory,
                SUM(ConsumedQuantity) AS quantity, ANY_VALUE(ConsumedUnit) AS unit,
                SUM({self.measure.amount}) AS amount
            FROM charges_inr
            WHERE {where}
            GROUP BY 1, 2, 3 ORDER BY 1, amount DESC NULLS LAST"""
        return sql, params

    def values(self, of: Dimension, limit: int) -> tuple[str, dict[str, Any]]:
        """The values of a dimension in the period, largest first: what a filter offers."""
        plain = Slice(self.measure, self.period)
        return plain.totals(of, limit)

    def tag_keys(self, limit: int) -> tuple[str, dict[str, Any]]:
        """The tag keys in use in the period."""
        params, where = Slice(self.measure, self.period)._where(False)
        sql = f"""
            SELECT DISTINCT UNNEST(json_keys(Tags)) AS key
            FROM (SELECT DISTINCT Tags FROM charges_inr WHERE {where} AND Tags IS NOT NULL)
            ORDER BY key LIMIT $limit"""
        return sql, params | {"limit": limit}

    @property
    def is_short(self) -> bool:
        """Whether days rather than months are drawn."""
        return (self.period.last - self.period.first).days <= (62 if self.period.by_day else 31)

    def _is_daily(self, by: Dimension | None = None) -> bool:
        return (by is None or by.is_daily) and all(item.dimension.is_daily for item in self.filters)

    def _where(self, daily: bool) -> tuple[dict[str, Any], str]:
        params: dict[str, Any] = {"first": self.period.first, "last": self.period.last}
        terms = [self.measure.condition]
        if not self.period.by_day:
            terms.append("x_BillingMonth BETWEEN $first AND $last")
        else:
            terms.append(f"{_day(daily)} BETWEEN $first AND $last")
            if not daily:
                # a day in India begins 5:30 h before that of UTC; stated on the column itself, so files are skipped
                params |= {"from_day": self.period.first - timedelta(days=1), "to_day": self.period.last + timedelta(1)}
                terms.append("ChargePeriodStart >= $from_day AND ChargePeriodStart < $to_day")
        for item in self.filters:
            expression = item.dimension.expression(params)
            known = [value for value in item.values if value is not None]
            choices = []
            if known:
                marker = f"values_{len(params)}"
                params[marker] = known
                choices.append(f"list_contains(${marker}, {expression})")
            if None in item.values:
                choices.append(f"{expression} IS NULL")
            terms.append(f"({' OR '.join(choices) or 'FALSE'})")
        return params, " AND ".join(terms)


def _day(daily: bool) -> str:
    return "x_ChargeOn" if daily else "ist_date(ChargePeriodStart)"
