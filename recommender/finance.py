"""What the bill and the configuration say beyond usage: credits, support, budgets and who owns them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from warehouse import Snapshot

#: Days over which the pace of a credit is measured.
PACE_DAYS = 30


@dataclass(frozen=True)
class Credit:
    """Promotional credits of one description. Amounts are positive, in the currency of the bill: `used` since the bill
    begins, `recent` in the 30 days before its end. `granted` and `expires_on` as configured, None where nobody said.
    """

    name: str
    provider: str
    currency: str
    used: float
    recent: float
    last_on: date | None
    granted: float | None = None
    expires_on: date | None = None


@dataclass(frozen=True)
class SupportMonth:
    """What a support plan cost in a billing month, and the gross charges that such plans are priced by: usage and fees
    before discounts and credits, without support itself, tax and what others sell. In the currency of the bill."""

    provider: str
    payer: str
    plan: str
    month: date
    currency: str
    fee: float
    basis: float


@dataclass(frozen=True)
class Budget:
    """A budget of an Indian financial year with who answers for it; INR, to date: up to the last whole month."""

    name: str
    financial_year: int
    owner: str | None
    amount_inr: float
    planned_to_date_inr: float
    spent_to_date_inr: float


@dataclass(frozen=True)
class Finance:
    """All of it; empty where nothing is known."""

    credits: tuple[Credit, ...] = ()
    support: tuple[SupportMonth, ...] = ()
    budgets: tuple[Budget, ...] = ()


def read_finance(snapshot: Snapshot, end: date) -> Finance:
    """As known at the `end` of the bill (exclusive)."""
    return Finance(tuple(_credits(snapshot, end)), tuple(_support(snapshot, end)), tuple(_budgets(snapshot, end)))


def _credits(snapshot: Snapshot, end: date) -> list[Credit]:
    """Free tiers come again every month and are none of these."""
    billed = snapshot.query(
        "SELECT COALESCE(ChargeDescription, ServiceName, 'credits') AS name, ProviderName AS provider,"
        " BillingCurrency AS currency,"
        " -SUM(BilledCost)::DOUBLE AS used,"
        " -COALESCE(SUM(BilledCost) FILTER (ChargePeriodStart >= $start), 0)::DOUBLE AS recent,"
        " MAX(ChargePeriodStart)::DATE AS last_on FROM charges"
        " WHERE ChargeCategory = 'Credit' AND x_ChargeSubcategory = 'Promotional Credit' AND ChargePeriodStart < $end"
        " GROUP BY ALL ORDER BY ALL",
        {"start": end - timedelta(days=PACE_DAYS), "end": end},
    ).to_dicts()
    told = snapshot.query("SELECT name, amount::DOUBLE, expires_on FROM credits ORDER BY name").rows
    found = []
    for row in billed:
        mine = next(((amount, on) for name, amount, on in told if name.lower() in row["name"].lower()), (None, None))
        found.append(Credit(**row, granted=mine[0], expires_on=mine[1]))
    seen = [row["name"].lower() for row in billed]
    found += [
        Credit(name, "", "", 0.0, 0.0, None, amount, on)
        for name, amount, on in told
        if not any(name.lower() in one for one in seen)
    ]
    return found


def _support(snapshot: Snapshot, end: date) -> list[SupportMonth]:
    """The last three months that are billed whole."""
    return [SupportMonth(**row) for row in snapshot.query(
        "WITH fees AS (SELECT ProviderName AS provider, BillingAccountId AS payer, ANY_VALUE(ServiceName) AS plan,"
        " x_BillingMonth AS month, BillingCurrency AS currency, SUM(BilledCost)::DOUBLE AS fee FROM charges"
        " WHERE x_ChargeSubcategory = 'Support' AND ChargeCategory <> 'Tax' GROUP BY ALL)"
        " SELECT fees.provider, fees.payer, fees.plan, fees.month, fees.currency, ANY_VALUE(fee) AS fee,"
        " SUM(BilledCost)::DOUBLE AS basis FROM fees JOIN charges ON charges.BillingAccountId = fees.payer"
        " AND charges.x_BillingMonth = fees.month AND charges.BillingCurrency = fees.currency"
        " WHERE charges.ChargeCategory IN ('Usage', 'Purchase') AND x_RowOrigin <> 'credit'"
        " AND charges.x_ChargeSubcategory IS DISTINCT FROM 'Support'"
        " AND (charges.PublisherName = charges.InvoiceIssuerName OR charges.PublisherName ILIKE charges.ProviderName"
        " || '%') AND fees.month < $month AND fees.month >= $month - INTERVAL 3 MONTH AND fee > 0"
        " GROUP BY fees.provider, fees.payer, fees.plan, fees.month, fees.currency ORDER BY ALL",
        {"month": end.replace(day=1)},
    ).to_dicts()]  # fmt: skip


def _budgets(snapshot: Snapshot, end: date) -> list[Budget]:
    """Of the financial year of the bill's end and later ones."""
    year = end.year if end.month >= 4 else end.year - 1
    return [Budget(*row) for row in snapshot.query(
        "SELECT b.name, b.financial_year, COALESCE(b.owner, b.team), b.amount_inr::DOUBLE,"
        " COALESCE(MAX(m.x_PlannedToDateInr) FILTER (m.month < $month), 0)::DOUBLE,"
        " COALESCE(SUM(m.x_SpentInr) FILTER (m.month < $month), 0)::DOUBLE"
        " FROM budgets AS b LEFT JOIN budget_months AS m ON m.x_Budget = b.name"
        " AND m.x_FinancialYear = b.financial_year WHERE b.financial_year >= $year"
        " GROUP BY b.name, b.financial_year, b.owner, b.team, b.amount_inr ORDER BY b.financial_year, b.name",
        {"year": year, "month": end.replace(day=1)},
    ).rows]  # fmt: skip
