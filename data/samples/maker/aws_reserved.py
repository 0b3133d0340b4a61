"""Four databases: on demand until reservations were bought, then covered usage, the fees, and what is left unused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from maker.aws_rows import Row, Rows, number, tags, whole_day
from maker.files import ZERO, places
from maker.fleet import PROD, RESERVATION
from maker.season import midnight, next_month

_USAGE = "APS3-InstanceUsage:db.r6g.xlarge"
_OPERATION = "CreateDBInstance:0014"
_TERMS = {
    "reservation/ReservationARN": RESERVATION.arn,
    "reservation/SubscriptionId": RESERVATION.subscription,
    "pricing/LeaseContractLength": "1yr",
    "pricing/OfferingClass": "standard",
    "pricing/PurchaseOption": "Partial Upfront",
}


def add_databases(rows: Rows) -> None:
    """Usage of the month and, from the purchase on, its fees."""
    used_hours = 0
    for name, service in RESERVATION.databases:
        for day in rows.days():
            if (name, service) in RESERVATION.databases_on(day):
                used_hours += _usage(rows, name, service, day)
    if next_month(rows.month) > RESERVATION.bought:
        _fees(rows, used_hours)


def _usage(rows: Rows, name: str, service: str, day: date) -> int:
    """One database on one day; returns the reserved hours it used."""
    r = RESERVATION
    is_reserved = day >= r.bought
    on_demand = f"${r.list_rate} per db.r6g.xlarge Single-AZ instance hour running PostgreSQL"
    row = rows.add(
        "DiscountedUsage" if is_reserved else "Usage",
        PROD,
        "AmazonRDS",
        whole_day(day),
        ZERO if is_reserved else places(24 * r.list_rate, 10),
        "PostgreSQL, db.r6g.xlarge reserved instance applied" if is_reserved else on_demand,
        usage_type=_USAGE,
        operation=_OPERATION,
        resource=f"arn:aws:rds:ap-south-1:{PROD}:db:{name}",
        amount=Decimal(24),
    )
    rows.price(row, f"{r.list_rate}", "Hrs", term="Reserved" if is_reserved else "OnDemand")
    row |= {
        "product/instanceType": "db.r6g.xlarge",
        "product/productFamily": "Database Instance",
        "product/region": "ap-south-1",
        **tags(PROD, service, name, name=name),
    }
    if not is_reserved:
        row["lineItem/UnblendedRate"] = f"{r.list_rate}"
        return 0
    upfront, recurring = 24 * r.upfront_hourly, 24 * r.recurring_hourly
    row |= {
        **_TERMS,
        "reservation/AmortizedUpfrontCostForUsage": number(upfront),
        "reservation/RecurringFeeForUsage": number(recurring),
        "reservation/EffectiveCost": number(upfront + recurring),
        "reservation/NetAmortizedUpfrontCostForUsage": number(upfront),
        "reservation/NetRecurringFeeForUsage": number(recurring),
        "reservation/NetEffectiveCost": number(upfront + recurring),
    }
    return 24


def _fees(rows: Rows, used_hours: int) -> None:
    """The upfront payment on its day, and every month's fee with what of the month's hours stayed unused."""
    r = RESERVATION
    ends = r.bought + timedelta(hours=r.term_hours)
    start, end = max(rows.month, r.bought), min(next_month(rows.month), ends)
    hours = (end - start).days * 24 * r.count
    unused = hours - used_hours  # in an open month this counts the hours to come, as AWS's own figure does
    terms: Row = {
        **_TERMS,
        "reservation/NumberOfReservations": str(r.count),
        "reservation/UnitsPerReservation": str(hours // r.count),
        "reservation/StartTime": f"{r.bought}T00:00:00.000Z",
        "reservation/EndTime": f"{ends}T00:00:00.000Z",
        "pricing/term": "Reserved",
        "product/region": "ap-south-1",
    }
    if rows.month <= r.bought < next_month(rows.month):
        row = rows.add(
            "Fee",
            PROD,
            "AmazonRDS",
            whole_day(r.bought),
            places(r.upfront, 10),
            f"Sign up charge for subscription: {r.subscription}, planId: 2187654",
            usage_type="APS3-HeavyUsage:db.r6g.xlarge",
            operation=_OPERATION,
            resource=r.arn,
            amount=Decimal(r.count),
        )
        row |= {**terms, "bill/BillType": "Purchase", "reservation/UpfrontValue": number(r.upfront)}
    row = rows.add(
        "RIFee",
        PROD,
        "AmazonRDS",
        (midnight(start), midnight(end)),
        places(hours * r.recurring_hourly, 10),
        f"USD {r.recurring_hourly} hourly fee per PostgreSQL, db.r6g.xlarge instance",
        usage_type="APS3-HeavyUsage:db.r6g.xlarge",
        operation=_OPERATION,
        resource=r.arn,
        amount=Decimal(hours),
    )
    row |= {
        **terms,
        "reservation/TotalReservedUnits": str(hours),
        "reservation/UnusedQuantity": str(unused),
        "reservation/AmortizedUpfrontFeeForBillingPeriod": number(hours * r.upfront_hourly),
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": number(unused * r.upfront_hourly),
        "reservation/UnusedRecurringFee": number(unused * r.recurring_hourly),
        "reservation/NetAmortizedUpfrontFeeForBillingPeriod": number(hours * r.upfront_hourly),
        "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod": number(unused * r.upfront_hourly),
        "reservation/NetUnusedRecurringFee": number(unused * r.recurring_hourly),
    }
