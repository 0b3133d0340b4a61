"""Invoices and the rates they fixed: what the API yields equals the file that finance would keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from aws_server import Refusal

from core import ConnectionConfig, ExportConfig, LocationUnreachable
from demo.invoices import write_invoices
from ingest.aws import invoices
from ingest.aws._clients import action_of
from ingest.run import ingest_exports

HOME, INC = "123456789012", "222233334444"
ROWS = [
    (HOME, "IN-1", date(2026, 6, 1), "USD", Decimal("684.00"), Decimal("123.12"), Decimal("95.4000"), date(2026, 7, 3)),
    (HOME, "IN-2", date(2026, 7, 1), "USD", Decimal("700.10"), Decimal("126.02"), Decimal("96.1250"), date(2026, 8, 3)),
    (HOME, "MP-2", date(2026, 7, 1), "USD", Decimal("9.00"), Decimal("0.00"), Decimal("96.0000"), date(2026, 8, 2)),
    (INC, "US-1", date(2026, 7, 1), "USD", Decimal("50.00"), Decimal("9.00"), None, date(2026, 8, 3)),
]


def amounts(currency: str, amount: Decimal, tax: Decimal, rate: object = None, source: str = "USD") -> dict:
    made = {"CurrencyCode": currency, "TotalAmountBeforeTax": str(amount), "TotalAmount": str(amount + tax),
            "AmountBreakdown": {"Taxes": {"TotalAmount": str(tax)}}}  # fmt: skip
    exchange = {"SourceCurrencyCode": source, "TargetCurrencyCode": currency, "Rate": str(rate)}
    return made | ({"CurrencyExchangeDetails": exchange} if rate is not None else {})


def summary(row: tuple, **more: object) -> dict:
    """An invoice of the file as the API tells it."""
    account, name, month, currency, amount, tax, rate, on = row
    paid = amounts("INR", amount * rate, tax * rate, rate, currency) if rate else amounts(currency, amount, tax)
    return {
        "AccountId": account, "InvoiceId": name, "BillingPeriod": {"Year": month.year, "Month": month.month},
        "IssuedDate": datetime(on.year, on.month, on.day, 6, tzinfo=UTC).timestamp(), "InvoiceType": "INVOICE",
        "BaseCurrencyAmount": amounts(currency, amount, tax), "PaymentCurrencyAmount": paid,
        "Entity": {"InvoicingEntity": "Amazon Web Services India Private Limited"},
    } | more  # fmt: skip


@pytest.fixture
def serve(server):
    def of(found: list[dict]) -> None:
        def answer(asked):
            """One invoice a page."""
            period, account = asked.body["Filter"]["BillingPeriod"], asked.body["Selector"]["Value"]
            ours = [one for one in found if (one["AccountId"], one["BillingPeriod"]) == (account, period)]
            at = int(asked.body.get("NextToken", 0))
            more = {"NextToken": str(at + 1)} if at + 1 < len(ours) else {}
            return {"InvoiceSummaries": ours[at : at + 1]} | more

        server.answers["invoicing:ListInvoiceSummaries"] = answer

    return of


def rows_of(store, export: str) -> list[tuple]:
    files = [str(path) for load in store.warehouse.ledger.current_loads("invoices") if load.export == export
             for path in store.warehouse.parquet(load)]  # fmt: skip
    return store.engine.rows("SELECT * FROM read_parquet(?) ORDER BY ALL", (files,))


def connection(server, **more: object) -> ConnectionConfig:
    return ConnectionConfig.model_validate(
        {"name": "india", "kind": "aws", "endpoints": {"*": server.url}, "requests_per_second": 100} | more
    )


def test_the_api_gives_what_the_file_of_finance_gives(server, serve, store, tmp_path):
    serve([summary(row) for row in ROWS])
    write_invoices(tmp_path / "files", ROWS)
    found = [
        ExportConfig(name="asked", location="aws://invoices", connection="india", since=date(2026, 5, 1)),
        ExportConfig(name="kept", location=str(tmp_path / "files" / "invoices")),
    ]
    report = ingest_exports(store.loader, found, [connection(server, accounts=[INC], role="kifayat")])
    assert not report.refused
    assert report.count("empty") == 5, "two accounts, four months, three with invoices"
    assert rows_of(store, "asked") == rows_of(store, "kept")
    assert len(rows_of(store, "asked")) == len(ROWS)


def pulled(location) -> dict[str, dict]:
    tables = [location.pull(part, print) for part in location.parts()]
    return {row["invoice_id"]: row for table in tables if table for row in table.to_pylist()}


def test_documents_that_repeat_or_undo_an_invoice_are_told_apart(serve, open_aws):
    row = ROWS[1]
    serve([
        summary(row), summary(row, InvoiceId="TAX-2", CommercialInvoiceId="IN-2"),
        summary(row, InvoiceId="PAID-2", InvoiceType="PAYMENT_RECEIPT"),
        summary(row, InvoiceId="VOID-2", TaxAuthorityStatus="CANCELLED"),
        summary(row, InvoiceId="BACK-2", InvoiceType="CREDIT_MEMO", OriginalInvoiceId="IN-2"),
    ])  # fmt: skip
    found = pulled(open_aws("invoices"))
    assert {name: (one["amount"], one["tax"]) for name, one in found.items()} == {
        "IN-2": ("700.10", "126.02"), "BACK-2": ("-700.10", "-126.02"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("paid", "rate"),
    [
        (amounts("INR", Decimal(1), Decimal(0), "96.1250"), "96.1250"),
        (amounts("INR", Decimal(1), Decimal(0), "1", "INR"), None),
        (amounts("EUR", Decimal(1), Decimal(0), "0.9"), None),
        (amounts("USD", Decimal(1), Decimal(0)), None),
        (amounts("INR", Decimal(1), Decimal(0), "105", "EUR"), None),
        (None, None),
    ],
)
def test_a_rate_is_that_of_the_charges_into_rupees_or_none(serve, open_aws, paid, rate):
    made = summary(ROWS[1])
    made.pop("PaymentCurrencyAmount")
    serve([made | ({"PaymentCurrencyAmount": paid} if paid else {})])
    assert pulled(open_aws("invoices"))["IN-2"]["inr_per_unit"] == rate


def test_an_old_month_is_asked_once_and_a_young_one_every_day(serve, server, open_aws):
    serve([])
    now = datetime(2026, 8, 21, 3, tzinfo=UTC)
    assert len(open_aws("invoices").deliveries()) == 14
    due = open_aws("invoices", seen=lambda *_: now - timedelta(days=1)).deliveries()
    assert [item.group for item in due] == [f"{HOME}/2026-0{n}" for n in (5, 6, 7, 8)]
    assert open_aws("invoices", seen=lambda *_: now - timedelta(hours=2)).deliveries() == []


def test_what_is_asked_is_what_was_expected_and_allowed(serve, server, open_aws, tmp_path):
    serve([summary(ROWS[0])])
    server.answers["organizations:ListAccounts"] = lambda _: {"Accounts": [{"Id": HOME}, {"Id": INC}]}
    location = open_aws("invoices", export={"since": date(2026, 6, 1)}, accounts=[INC], role="kifayat")
    found = location.deliveries()
    before = location.meter.usage
    for number, item in enumerate(found):
        location.fetch(item, tmp_path / str(number))
    assert before + location.estimate(found) == location.meter.usage
    assert {action_of(one.service, one.operation) for one in server.asked} == set(invoices.ACTIONS)
    asked = [one for one in server.asked if one.service == "invoicing"]
    assert {(one.region, one.body["Selector"]["Value"]) for one in asked} == {("us-east-1", HOME)}, (
        "it pays for the other"
    )


def test_one_account_that_is_denied_leaves_the_other(serve, server, store):
    serve([summary(row) for row in ROWS])
    answer = server.answers["invoicing:ListInvoiceSummaries"]

    def refuse(asked):
        if asked.key != "AKIAEXAMPLE":
            raise Refusal("AccessDeniedException")
        return answer(asked)

    server.answers["invoicing:ListInvoiceSummaries"] = refuse
    export = ExportConfig(name="asked", location="aws://invoices", connection="india", since=date(2026, 7, 1))
    report = ingest_exports(store.loader, [export], [connection(server, accounts=[INC], role="kifayat")])
    assert {item.group for item in report.refused} == {f"{INC}/2026-07", f"{INC}/2026-08"}
    assert all("allow invoicing:ListInvoiceSummaries" in item.reason for item in report.refused)
    assert {row[1] for row in rows_of(store, "asked")} == {"IN-2", "MP-2"}


def test_each_account_proves_its_permission(server, open_aws):
    def refuse(_):
        raise Refusal("AccessDeniedException")

    server.answers["invoicing:ListInvoiceSummaries"] = refuse
    probes = list(open_aws("invoices", accounts=[INC], role="kifayat").probes())
    assert [probe.where for probe in probes] == [HOME, INC]
    with pytest.raises(LocationUnreachable, match=f"allow {probes[1].permission}"):
        probes[1].call()
