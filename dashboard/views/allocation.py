"""Whose cost it is: what has an owner, what nobody owns, and what distribution moves without changing a total."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import format_inr, next_month
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.measure import Measure
from dashboard.status import read_calendar, status
from dashboard.view import View
from models.owners import propose, resources_of

DIMENSIONS: Final = {"Team": "x_Team", "Service": "x_Service", "Environment": "x_Environment", "Product": "x_Product"}
UNALLOCATED: Final = "unallocated"
STEPS: Final = {
    "nodes": "taken off the owners of Kubernetes nodes",
    "pods": "given to the owners of the pods on them",
    "idle": "what no pod asked for, left with the node's owner",
}
METHODS: Final = {
    "proportional": "by own cost", "even": "the same to each", "fixed": "by fixed shares", "users": "by active users",
}  # fmt: skip
#: Resources that are looked at for an owner, largest first, and how many are shown.
LOOKED_AT, SHOWN = 4000, 25
#: Whose resource this is: the name as somebody typed it into a tag.
_NAME: Final = (
    "COALESCE(ResourceName, json_extract_string(Tags, '/Name'), json_extract_string(Tags, '/user_Name'),"
    " json_extract_string(Tags, '/user_name'))"
)
INR: Final = Measure()


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Whose cost")
    calendar = read_calendar(context)
    months = [
        month for (month,) in context.query("SELECT DISTINCT x_BillingMonth FROM cost_allocated ORDER BY 1 DESC").rows
    ]
    if calendar is None or not months:
        st.info("The snapshot holds no charges in rupees yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    index = months.index(calendar.last) if calendar.last in months else 0
    month = st.selectbox("Month", months, index=index, format_func=widgets.month_text, key="owner-month", width=220)
    _coverage(context, month)
    _owners(context, month)
    _moved(context, month)
    _trend(context)
    _offenders(context, month)
    _keys(context)


def _coverage(context: Context, month: date) -> None:
    """How much of the cost of usage has an owner, before anything is distributed."""
    target = context.value("SELECT target FROM targets WHERE metric = 'tag_coverage_pct'")
    rows = {
        name: (usage, owned)
        for name, usage, owned in context.query(
            "SELECT x_Dimension, SUM(x_UsageCostInr), SUM(x_OwnedCostInr) FROM tag_coverage"
            " WHERE x_BillingMonth = $month GROUP BY 1",
            {"month": month},
        ).rows
    }
    columns = st.columns(4)
    for column, label in zip(columns, DIMENSIONS, strict=True):
        usage, owned = rows.get(label.lower(), (None, None))
        share = widgets.ratio(owned, usage)
        with column:
            text = "—" if share is None else f"{100 * share:.1f} %"
            nobody = None if usage is None or owned is None else usage - owned
            met = share is not None and target is not None and 100 * share >= target
            note = (
                f"{'✓ met' if met else '✗ missed'}: target {target:g} %"
                if target is not None and share is not None
                else ""
            )
            detail = "no usage in rupees" if nobody is None else f"{INR.compact(nobody)} has none. {note}"
            widgets.figure(
                f"coverage-{label.lower()}", f"Has {'an' if label[0] in 'AEIOU' else 'a'} {label.lower()}", text,
                "of the cost of usage", note=widgets.escape(detail),
            )  # fmt: skip
    st.caption(
        "By cost of usage, as tags and rules say, before containers and shared cost are distributed. Commitments that "
        "nobody used, taxes and support have no tags and are not counted here."
    )


@st.fragment
def _owners(context: Context, month: date) -> None:
    st.subheader("Before and after")
    label = st.segmented_control("By", list(DIMENSIONS), default="Team", key="owner-by", required=True)
    column = DIMENSIONS[label or "Team"]
    result = context.query(
        f"""
        SELECT {column} AS name,
            SUM(x_EffectiveCostInr) FILTER (x_AllocationStep = 'direct') AS before,
            SUM(x_EffectiveCostInr) FILTER (x_AllocationStep IN ('nodes', 'pods', 'idle')) AS containers,
            SUM(x_EffectiveCostInr) FILTER (x_AllocationStep = 'shared') AS shared,
            SUM(x_EffectiveCostInr) AS after
        FROM cost_allocated
        WHERE x_BillingMonth = $month
        GROUP BY 1 ORDER BY after DESC NULLS LAST, name
        """,
        {"month": month},
    )
    rows = result.rows
    total = sum((row[4] for row in rows), Decimal(0))
    left, right = st.columns([2, 3])
    with left:
        charts.bars(
            [(_name(name), after) for name, *_, after in rows if after][:12], INR.exact, "INR",
            alt_text=f"Cost by {label} after distribution",
        )  # fmt: skip
    with right:
        widgets.table(
            [
                {
                    label or "": widgets.plain(_name(name)),
                    "Before": before, "Containers": containers, "Shared": shared, "After": after,
                    "Share": widgets.ratio(after, total),
                }
                for name, before, containers, shared, after in rows
            ],
            money=dict.fromkeys(("Before", "Containers", "Shared", "After"), format_inr),
            percent=("Share",), alt=f"Cost by {label} before and after distribution", key=f"owners-{label}",
        )  # fmt: skip
    before_total = sum((row[1] or Decimal(0) for row in rows), Decimal(0))
    st.caption(
        f"Effective cost with GST. Before {widgets.escape(format_inr(before_total))} = after "
        f"{widgets.escape(format_inr(total))}: what one owner is given, another gives. What nobody owns keeps a row "
        "of its own and takes its own part of what is shared."
    )
    widgets.download(result, f"owners-{(label or '').lower()}-{month:%Y-%m}", key="download-owners")
    _nested(context, month)


def _nested(context: Context, month: date) -> None:
    with st.expander("Team → service → provider"):
        rows = context.query(
            "SELECT x_Team, x_Service, ProviderName,"
            " SUM(x_EffectiveCostInr) FILTER (x_AllocationStep = 'direct') AS before, SUM(x_EffectiveCostInr) AS after"
            " FROM cost_allocated WHERE x_BillingMonth = $month GROUP BY 1, 2, 3"
            " ORDER BY SUM(SUM(x_EffectiveCostInr)) OVER (PARTITION BY x_Team) DESC,"
            " SUM(SUM(x_EffectiveCostInr)) OVER (PARTITION BY x_Team, x_Service) DESC, after DESC",
            {"month": month},
        ).rows
        widgets.table(
            [
                {"Team": widgets.plain(_name(team)), "Service": widgets.plain(_name(service)), "Provider": provider,
                 "Before": before, "After": after}
                for team, service, provider, before, after in rows
            ],
            money={"Before": format_inr, "After": format_inr}, alt="Cost by team, service and provider", key="nested",
        )  # fmt: skip


def _moved(context: Context, month: date) -> None:
    st.subheader("What was moved")
    rows = context.query(
        """
        SELECT moved.x_AllocationStep,
            CASE WHEN moved.x_AllocationStep = 'shared' THEN moved.x_SharedRule END AS rule,
            MAX(rules.dimension), MAX(rules.method),
            -SUM(moved.x_EffectiveCostInr) FILTER (moved.x_EffectiveCostInr < 0),
            SUM(moved.x_EffectiveCostInr) FILTER (moved.x_EffectiveCostInr > 0)
        FROM cost_allocated AS moved LEFT JOIN shared_rules AS rules ON moved.x_SharedRule = rules.name
        WHERE moved.x_BillingMonth = $month AND moved.x_AllocationStep <> 'direct'
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {"month": month},
    ).rows
    if not rows:
        st.caption(
            "Nothing: there are no containers, and no rule of [[allocation.shared]] found anything to distribute."
        )
        return
    taken = sum((row[4] or Decimal(0) for row in rows), Decimal(0))
    given = sum((row[5] or Decimal(0) for row in rows), Decimal(0))
    widgets.table(
        [
            {
                "What": _step_text(step, rule, dimension, method),
                "Taken": out,
                "Given": into,
            }
            for step, rule, dimension, method, out, into in rows
        ],
        money={"Taken": format_inr, "Given": format_inr}, alt="What distribution moved", key="moved",
    )  # fmt: skip
    st.caption(f"Taken {widgets.escape(format_inr(taken))}, given {widgets.escape(format_inr(given))}: together zero.")


def _step_text(step: str, rule: str | None, dimension: str | None, method: str | None) -> str:
    if step != "shared":
        return f"Containers: {STEPS.get(step, step)}"
    return f"{widgets.plain(rule)}: between {dimension}s {METHODS.get(method or '', method or '')}"


def _trend(context: Context) -> None:
    rows = context.query(
        "SELECT x_BillingMonth, value, target FROM scores WHERE metric = 'tag_coverage_pct' AND value IS NOT NULL"
        " ORDER BY 1"
    ).rows[-14:]
    if len(rows) > 1:
        st.subheader("Share of the cost that has a team, by month")
        lowest = min(rows, key=lambda row: row[1])
        charts.line(
            [(month, value) for month, value, _ in rows], rows[-1][2], "%",
            alt_text=f"Lowest {lowest[1]:.1f} % in {widgets.month_text(lowest[0])}, last {rows[-1][1]:.1f} %",
        )  # fmt: skip


def _offenders(context: Context, month: date) -> None:
    """The largest resources without a team, and who their neighbours say they belong to."""
    st.subheader("Largest without a team")
    rows = context.query(
        f"""
        SELECT ResourceId, ANY_VALUE({_NAME}) AS name, COALESCE(SubAccountName, SubAccountId) AS account, ServiceName,
            RegionId, x_Team, x_Service, SUM(x_EffectiveCostInr) AS cost
        FROM charges_inr
        WHERE x_BillingMonth = $month AND ChargePeriodStart >= $first AND ChargePeriodStart < $last
            AND ChargeCategory = 'Usage' AND ResourceId IS NOT NULL
            AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
        GROUP BY ALL HAVING cost > 0 ORDER BY cost DESC LIMIT $limit
        """,
        {"month": month, "first": month - timedelta(days=40), "last": next_month(month), "limit": LOOKED_AT},
    ).rows
    unowned = [row for row in rows if row[5] is None]
    if not unowned:
        st.caption("Every resource with a cost has a team in this month.")
        return
    proposals = {proposal.resource_id: proposal for proposal in propose(resources_of(row[:7] for row in rows))}
    widgets.table(
        [_offender(row, proposals.get(row[0])) for row in unowned[:SHOWN]],
        money={"Cost": format_inr}, percent=("Confidence",), alt="Resources without a team", key="offenders",
    )  # fmt: skip
    st.caption(
        f"{len(unowned)} of {len(rows)} resources have no team. A proposal is a vote of neighbours with owners: words "
        "of the name in common within an account, else the same service and region. Nothing is tagged by this page."
    )


def _offender(row: Sequence[Any], proposal: Any) -> dict[str, Any]:
    resource, name, account, service_name, region, _, _, cost = row
    owner = "" if proposal is None else " / ".join(part for part in (proposal.team, proposal.service) if part)
    return {
        "Resource": widgets.plain(name or resource),
        "Account": widgets.plain(account),
        "Service": widgets.plain(service_name),
        "Region": widgets.plain(region),
        "Cost": cost,
        "Probably": widgets.plain(owner or None),
        "Confidence": None if proposal is None else proposal.confidence,
        "Reason": "no neighbours agree" if proposal is None else widgets.plain(proposal.evidence),
        "Identifier": widgets.plain(resource),
    }


def _keys(context: Context) -> None:
    st.subheader("Tag keys that count")
    rows = context.query("SELECT x_Dimension, key, configured, match, tag_sets FROM tag_keys").rows
    if not rows:
        st.caption(
            "No tag key of the charges is one of [allocation] in kifayat.toml, not even nearly: see the explorer for "
            "the keys in use."
        )
        return
    widgets.table(
        [
            {"Tells": dimension, "Key": widgets.plain(key), "Configured as": widgets.plain(configured), "Match": match,
             "Tag sets": count}
            for dimension, key, configured, match, count in rows
        ],
        alt="Tag keys and how they were matched", key="tag-keys",
    )  # fmt: skip
    st.caption(
        "In this order: of several keys on one charge the first filled one counts. Spelling: another case, separator "
        "or prefix. Near miss: a slip of the pen. `near_miss = false` in [allocation] switches both off."
    )


def _name(value: str | None) -> str:
    return UNALLOCATED if value is None else widgets.visible(value)


VIEW = View("Whose cost", "Costs", 14, ":material/account_tree:", render)
