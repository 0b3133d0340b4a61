"""The legacy Cost and Usage Report as csv.gz: slash names, decimals as text, columns that come and go by the month.

Names and their order follow AWS's dictionary of 2021 and a real manifest of 2019. A row is joined from few pieces:
all that a line's rows have in common is quoted once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo.aws_layout import SHARD_ROWS
from demo.aws_table import Money, Table, decimals, month_bounds

_COLUMNS = {
    "identity": "LineItemId TimeInterval",
    "bill": "InvoiceId InvoicingEntity BillingEntity BillType PayerAccountId BillingPeriodStartDate"
    " BillingPeriodEndDate",
    "lineItem": "UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation"
    " AvailabilityZone ResourceId UsageAmount NormalizationFactor NormalizedUsageAmount CurrencyCode UnblendedRate"
    " UnblendedCost BlendedRate BlendedCost LineItemDescription TaxType LegalEntity",
    "product": "ProductName databaseEngine fromLocation fromRegionCode instanceFamily instanceType location"
    " locationType operatingSystem operation preInstalledSw productFamily region servicecode sku tenancy toLocation"
    " toRegionCode transferType usagetype volumeApiName",
    "pricing": "LeaseContractLength OfferingClass PurchaseOption RateCode RateId currency publicOnDemandCost"
    " publicOnDemandRate term unit",
    "reservation": "AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod EffectiveCost EndTime"
    " ModificationStatus NormalizedUnitsPerReservation NumberOfReservations RecurringFeeForUsage ReservationARN"
    " StartTime SubscriptionId TotalReservedNormalizedUnits TotalReservedUnits UnitsPerReservation"
    " UnusedAmortizedUpfrontFeeForBillingPeriod UnusedNormalizedUnitQuantity UnusedQuantity UnusedRecurringFee"
    " UpfrontValue",
    "savingsPlan": "TotalCommitmentToDate SavingsPlanARN SavingsPlanRate UsedCommitment SavingsPlanEffectiveCost"
    " AmortizedUpfrontCommitmentForBillingPeriod RecurringCommitmentForBillingPeriod Region PurchaseTerm"
    " PaymentOption EndTime StartTime OfferingType InstanceTypeFamily",
}
#: Only in months in which the account has a discount.
_NET = {
    "lineItem": "NetUnblendedRate NetUnblendedCost",
    "reservation": "NetAmortizedUpfrontCostForUsage NetAmortizedUpfrontFeeForBillingPeriod NetEffectiveCost"
    " NetRecurringFeeForUsage NetUnusedAmortizedUpfrontFeeForBillingPeriod NetUnusedRecurringFee NetUpfrontValue",
    "savingsPlan": "NetSavingsPlanEffectiveCost NetAmortizedUpfrontCommitmentForBillingPeriod"
    " NetRecurringCommitmentForBillingPeriod",
}
#: Only once split cost allocation is switched on.
_SPLIT = (
    "ParentResourceId ReservedUsage ActualUsage SplitUsage SplitUsageRatio SplitCost UnusedCost NetSplitCost"
    " NetUnusedCost PublicOnDemandSplitCost PublicOnDemandUnusedCost"
)
#: CUR 2.0 has them, the legacy report has not.
_NOT_HERE = {"bill_payer_account_name", "line_item_usage_account_name", "product_region_code"}
_QUOTED = re.compile(r'[,"\r\n]')
_PIECE_ROWS = 25_000
_VARYING = {"identity/TimeInterval", "lineItem/UsageStartDate", "lineItem/UsageEndDate", "lineItem/UsageAmount"}
#: Either the texts of all lines (as they stand in the row, commas included), or the name of a column that differs.
_Piece: TypeAlias = pa.Array | str


def snake(name: str) -> str:
    """The name that CUR 2.0 gives a column of the legacy report: reservation_reservation_a_r_n."""
    category, _, column = name.partition("/")
    return re.sub(r"(?<=[^_])(?=[A-Z])", "_", f"{category}_{column}").lower()


def tag_column(key: str) -> str:
    """The column of a tag: those that people set have "user:" before their key."""
    return f"resourceTags/{key}" if key.startswith("aws:") else f"resourceTags/user:{key}"


def columns(table: Table) -> list[str]:
    """The columns of a month, in the report's order. Raises ValueError if a line has one that it cannot hold."""
    names = []
    for category, listed in _COLUMNS.items():
        found = [*listed.split(), *(_NET.get(category, "").split() if table.has_net else [])]
        names += [f"{category}/{name}" for name in found]
        if category == "reservation":
            names += [f"discount/{_camel(name)}" for name in sorted(table.money) if name.startswith("discount_")]
    if table.has_split:
        net = () if table.has_net else ("NetSplitCost", "NetUnusedCost")
        names += [f"splitLineItem/{name}" for name in _SPLIT.split() if name not in net]
    known = {snake(name) for name in names} | _NOT_HERE
    if strange := {name for name in (*table.money, *table.texts) if name not in known and not _may_be_absent(name)}:
        raise ValueError(f"the legacy report has no column for {', '.join(sorted(strange))}")
    categories = sorted(name for name in table.texts if name.startswith("cost_category_"))
    names += [f"costCategory/{name.removeprefix('cost_category_')}" for name in categories]
    return names + [tag_column(key) for key in table.tag_keys()]


def _may_be_absent(name: str) -> bool:
    return name.startswith(("product_", "cost_category_"))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")[1:])


def shards(table: Table, names: list[str], size: int = SHARD_ROWS, piece: int = _PIECE_ROWS) -> Iterator[bytes]:
    """The files of the report, unpacked, each with its header and at most `size` rows, made `piece` rows at a time."""
    pieces = list(_pieces(table, names))
    header = (",".join(map(_quoted, names)) + "\n").encode()
    for low in range(0, max(table.rows, 1), size):
        high = min(low + size, table.rows)
        texts = [_joined(table, pieces, at, min(at + piece, high)) for at in range(low, high, piece)]
        yield b"".join([header, *texts])


def _pieces(table: Table, names: list[str]) -> Iterator[_Piece]:
    """The row cut into what a line's rows have in common and what they have not."""
    low, high = (f"{bound}:00:00Z" for bound in month_bounds(table.bill.month))
    constant = {"bill/BillingPeriodStartDate": low, "bill/BillingPeriodEndDate": high}
    tags = [{tag_column(key): value for key, value in line.tags} for line in table.lines]
    waiting = [""] * len(table.lines)
    for index, name in enumerate(names):
        if index:
            waiting = [text + "," for text in waiting]
        column = "line_item_unblended_cost" if name == "lineItem/BlendedCost" else snake(name)
        if name in _VARYING:
            column = name
        if name in _VARYING or column in table.money:
            yield pa.array(waiting, pa.string())
            yield column
            waiting = [""] * len(table.lines)
            if column not in table.texts:
                continue
        if name.startswith("resourceTags/"):
            values = [found.get(name, "") for found in tags]
        elif name.startswith("costCategory/"):
            values = table.texts["cost_category_" + name.partition("/")[2]]
        elif name in constant:
            values = [constant[name]] * len(table.lines)
        else:
            values = table.texts.get(column) or [""] * len(table.lines)
        waiting = [text + _quoted(value) for text, value in zip(waiting, values, strict=True)]
    yield pa.array([text + "\n" for text in waiting], pa.string())


def _joined(table: Table, pieces: list[_Piece], low: int, high: int) -> pa.Buffer:
    """Rows [low, high) as CSV."""
    of_line = pa.array(table.of_line[low:high])
    arrays = [_varying(table, piece, low, high) if isinstance(piece, str) else piece.take(of_line) for piece in pieces]
    rows = pc.binary_join_element_wise(*arrays, "")
    return rows.buffers()[2]  # the texts lie one behind the other: this is the file


def _varying(table: Table, column: str, low: int, high: int) -> pa.Array:
    if column == "lineItem/UsageAmount":
        return decimals(table.amount[low:high], 6)
    if column in _VARYING:
        return _instants(table, column, low, high)
    money: Money = table.money[column]
    values = money.values[low:high]
    if money.present is None:
        return decimals(values)
    present = money.present[low:high]
    texts = decimals(values[present])
    # rows without a value take the last text, which is empty
    place = np.where(present, np.cumsum(present) - 1, len(texts))
    return pa.concat_arrays([texts, pa.array([""])]).take(pa.array(place))


def _instants(table: Table, column: str, low: int, high: int) -> pa.Array:
    start, hours = table.start[low:high].astype(np.int64), table.hours[low:high]
    if column == "lineItem/UsageEndDate":
        start, hours = start + hours, hours * 0
    keys, place = np.unique(start * 100_000 + hours, return_inverse=True)
    first = [f"{np.datetime64(int(key // 100_000), 'h')}:00:00Z" for key in keys]
    if column == "identity/TimeInterval":
        last = [f"{np.datetime64(int(key // 100_000 + key % 100_000), 'h')}:00:00Z" for key in keys]
        first = [f"{one}/{other}" for one, other in zip(first, last, strict=True)]
    return pa.array(first, pa.string()).take(pa.array(place))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
