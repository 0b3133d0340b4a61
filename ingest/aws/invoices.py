"""aws://invoices: invoices with the exchange rate that each fixed, from the Invoicing API (ListInvoiceSummaries).

An account of AWS India is charged in US dollars and pays rupees; the rate is fixed when the invoice is made. It is
that of the payment currency's exchange details. Receipts are no invoices; a tax invoice repeats the commercial invoice
that it names, and one that was cancelled counts no more: none of these is taken. A credit memo is a negative amount.
The API stands in us-east-1. Members of the own account's organization (ListAccounts) are not asked: it pays for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.aws._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

ACTIONS: Final = ("invoicing:ListInvoiceSummaries", "organizations:ListAccounts", "sts:GetCallerIdentity")
_COLUMNS: Final = (
    "billing_account_id", "invoice_id", "billing_month", "currency", "amount", "tax", "inr_per_unit", "issued_on",
)  # fmt: skip
_REGION: Final = "us-east-1"
#: How many months back where the export has no `since`.
_MONTHS: Final = 13
#: A month's invoices come within days of its end; refunds and credit memos of it within weeks.
_SETTLES: Final = timedelta(days=100)


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """The invoices of the connection's accounts."""
    return Invoices(export, reading, clients)


class Invoices(Topic):
    """One part per account and billing month; a month is settled some while after its end."""

    topic = "invoices"

    def parts(self) -> Iterator[Part]:
        """Every month of every account, oldest first."""
        accounts = self._clients.payers
        for month in self._months():
            for account in accounts:
                settles_at = datetime(month.year, month.month, 1, tzinfo=UTC) + timedelta(days=31) + _SETTLES
                yield Part(f"{account}/{month:%Y-%m}", settles_at=settles_at, estimate=Usage(requests=1))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per invoice, in the currency of the charges."""
        account, _, month = part.group.partition("/")
        year, number = month.split("-")
        found = self._clients.pages(
            "invoicing", "ListInvoiceSummaries", "InvoiceSummaries", account=account, region=_REGION,
            **_of(account, int(year), int(number)), MaxResults=100,
        )  # fmt: skip
        return text_table(_COLUMNS, [_row(one, date(int(year), int(number), 1)) for one in found if _counts(one)])

    def probes(self) -> Iterator[Probe]:
        """Listing the invoices of this month, as every account."""
        month = self.reading.clock.now()
        for account in self._clients.payers:
            yield Probe(ACTIONS[0], account, partial(
                self._clients.call, "invoicing", "ListInvoiceSummaries", account=account, region=_REGION,
                **_of(account, month.year, month.month), MaxResults=1,
            ))  # fmt: skip

    def _months(self) -> Iterator[date]:
        now = self.reading.clock.now()
        last = now.year * 12 + now.month - 1
        since = self.export.since
        first = last - _MONTHS if since is None else since.year * 12 + since.month - 1
        for index in range(first, last + 1):
            yield date(index // 12, index % 12 + 1, 1)


def _of(account: str, year: int, month: int) -> dict[str, Any]:
    return {
        "Selector": {"ResourceType": "ACCOUNT_ID", "Value": account},
        "Filter": {"BillingPeriod": {"Year": year, "Month": month}},
    }


def _counts(invoice: dict[str, Any]) -> bool:
    is_repeated = invoice.get("CommercialInvoiceId", invoice["InvoiceId"]) != invoice["InvoiceId"]
    is_receipt = invoice.get("InvoiceType") == "PAYMENT_RECEIPT"
    return not (is_repeated or is_receipt or invoice.get("TaxAuthorityStatus") == "CANCELLED")


def _row(invoice: dict[str, Any], month: date) -> tuple[Any, ...]:
    base = invoice["BaseCurrencyAmount"]
    total, amount = Decimal(base["TotalAmount"]), Decimal(base["TotalAmountBeforeTax"])
    tax = total - amount
    if invoice.get("InvoiceType") == "CREDIT_MEMO":
        amount, tax = -abs(amount), -abs(tax)
    # The library gives instants in the zone of this machine.
    issued_on = invoice["IssuedDate"].astimezone(UTC).date() if "IssuedDate" in invoice else None
    return (
        invoice["AccountId"], invoice["InvoiceId"], month, base["CurrencyCode"], amount, tax,
        _rate(invoice, base["CurrencyCode"]), issued_on,
    )  # fmt: skip


def _rate(invoice: dict[str, Any], currency: str) -> str | None:
    """INR per unit of the charges' currency; None where it is paid in another one or charged in rupees."""
    exchange = invoice.get("PaymentCurrencyAmount", {}).get("CurrencyExchangeDetails", {})
    pair = exchange.get("SourceCurrencyCode"), exchange.get("TargetCurrencyCode")
    return exchange.get("Rate") if pair == (currency, "INR") != ("INR", "INR") else None
