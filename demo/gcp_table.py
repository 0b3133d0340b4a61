"""Files of the billing export as BigQuery extracts its tables: nested Parquet, or JSON lines.

Fields and types as in the schemas of live export tables of August 2026 (82 fields detailed, 76 standard); in JSON an
empty field is left out, an empty list is not, NUMERIC is text and a timestamp ends in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.files import write_gzip
from demo.gcp_bill import DEFAULT_MODEL, FLEX_MODEL, sku_id
from demo.gcp_fleet import PROJECTS, REGION
from demo.gcp_line import ACCOUNT, MICRO, Credit, Line
from demo.gcp_skus import SERVICES

_TEXT, _FLOAT, _NUMERIC = pa.string(), pa.float64(), pa.decimal128(38, 9)
_TIME = pa.timestamp("us", tz="UTC")
_PAIR = pa.struct([("key", _TEXT), ("value", _TEXT)])
_PAIRS = pa.list_(_PAIR)
_TAGS = pa.list_(pa.struct([("key", _TEXT), ("value", _TEXT), ("inherited", pa.bool_()), ("namespace", _TEXT)]))
_ID_DESCRIPTION = pa.struct([("id", _TEXT), ("description", _TEXT)])
_ANCESTOR = pa.struct([("resource_name", _TEXT), ("display_name", _TEXT)])
_PROJECT = pa.struct([
    ("id", _TEXT), ("number", _TEXT), ("name", _TEXT), ("labels", _PAIRS), ("ancestry_numbers", _TEXT),
    ("ancestors", pa.list_(_ANCESTOR)),
])  # fmt: skip
_LOCATION = pa.struct([(name, _TEXT) for name in ("location", "country", "region", "zone")])
_RESOURCE = pa.struct([("name", _TEXT), ("global_name", _TEXT)])
_ADJUSTMENT = pa.struct([(name, _TEXT) for name in ("id", "description", "mode", "type")])
_CREDIT = pa.struct([
    ("name", _TEXT), ("amount", _FLOAT), ("full_name", _TEXT), ("id", _TEXT), ("type", _TEXT),
])  # fmt: skip
_PRICE = (
    "effective_price", "tier_start_amount", "unit", "pricing_unit_quantity", "list_price", "effective_price_default",
    "list_price_consumption_model",
)  # fmt: skip
_ORGANISATION = "551029384000"
#: Order of the columns; the standard export has no resource and no subscription, and its newer fields at the end.
_COMMON = (
    "billing_account_id", "service", "sku", "usage_start_time", "usage_end_time", "project", "labels",
    "system_labels", "location",
)  # fmt: skip
_MIDDLE = (
    "transaction_type", "seller_name", "export_time", "cost", "currency", "currency_conversion_rate", "usage",
    "credits", "invoice", "cost_type", "adjustment_info", "cost_at_list",
)  # fmt: skip
_NEW = ("consumption_model", "cost_at_effective_price_default", "cost_at_list_consumption_model")
DETAILED = (*_COMMON, "resource", "tags", "price", "subscription", *_MIDDLE, *_NEW)
STANDARD = (*_COMMON, "tags", *_MIDDLE, *_NEW, "price")
#: Of the size of Google's ids, not checked: what counts is the description.
_MODEL_IDS = {DEFAULT_MODEL: "7754-699E-0EBF", FLEX_MODEL: "D97B-0795-975B"}


@dataclass(frozen=True)
class Rows:
    """All rows of some lines one after the other; `line` says of which line each is."""

    lines: Sequence[Line]

    @cached_property
    def line(self) -> np.ndarray:
        """Index into `lines` of each row."""
        return np.repeat(np.arange(len(self.lines)), [len(line) for line in self.lines])

    def column(self, name: str) -> np.ndarray:
        """An array of the lines, over all rows."""
        return np.concatenate([getattr(line, name) for line in self.lines])

    def net(self) -> np.ndarray:
        """Cost plus credits."""
        return np.concatenate([line.net() for line in self.lines])


class Tables:
    """The rows in the order of their export, and their files."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.rows = Rows(lines)
        self._lines = lines
        self.exported = self.rows.column("exported")
        self._columns = {name: self.rows.column(name) for name in ("start", "end", "month", "amount", "cost", "rate")}
        self._per_line = {name: _per_line(lines, name) for name in _MAKERS}
        self._usd = np.array([line.sku.usd for line in lines])
        self._discount = np.array([line.discount for line in lines])
        self._per_unit = np.array([line.sku.per_unit for line in lines])
        self._collect_credits()

    def _collect_credits(self) -> None:
        kinds: dict[Credit, int] = {}
        rows, codes, amounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        at = 0
        for line in self._lines:
            for credit, amount in line.credits:
                some = np.flatnonzero(amount)
                rows.append(some + at)
                codes.append(np.full(len(some), kinds.setdefault(credit, len(kinds))))
                amounts.append(amount[some])
            at += len(line)
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        self._kinds = list(kinds)
        self._credit_code, self._credit_amount = np.concatenate(codes)[order], np.concatenate(amounts)[order]
        self._credit_from = np.searchsorted(row[order], np.arange(at + 1))

    def order(self, which: np.ndarray) -> np.ndarray:
        """Indexes of the rows of a mask, in the order of their export."""
        found = np.flatnonzero(which)
        return found[np.argsort(self.exported[found], kind="stable")]

    def write_parquet(self, path: Path, names: Sequence[str], index: np.ndarray) -> None:
        """One file of nested Parquet."""
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = self._arrow(index)
        if "resource" not in names:  # the standard export does not say which subscription was applied
            model = columns["consumption_model"]
            fields = [model.field(number) for number in range(2)]
            mask = pa.array(~model.is_valid().to_numpy(zero_copy_only=False))
            columns["consumption_model"] = pa.StructArray.from_arrays(fields, ["id", "description"], mask=mask)
        pq.write_table(pa.table({name: columns[name] for name in names}), path, compression="snappy")

    def _arrow(self, index: np.ndarray) -> dict[str, pa.Array]:
        line = self.rows.line[index]
        same = len(index)
        took = {name: values.take(pa.array(line)) for name, values in self._per_line.items()}
        money = self._money(index)
        prices = {name: _numeric(values) for name, values in money.items() if name in _PRICE}
        text_price = pa.array([None if not sku.usd else sku.unit for sku in (item.sku for item in self._lines)], _TEXT)
        prices["unit"] = text_price.take(pa.array(line))
        is_null = pa.array(self._usd[line] == 0)
        usage = self._usage(index)
        counts = self._credit_from[index + 1] - self._credit_from[index]
        picked = _ranges(self._credit_from[index], counts)
        kinds = pa.array(self._credit_code[picked])
        names, ids, types = (
            pa.array([getattr(kind, name) for kind in self._kinds], _TEXT).take(kinds)
            for name in ("name", "id", "type")
        )
        credits = pa.StructArray.from_arrays(
            [names, pa.array(self._credit_amount[picked] / MICRO), names, ids, types], fields=list(_CREDIT)
        )
        months = pa.array(np.char.replace(np.datetime_as_string(self._columns["month"][index]), "-", ""), _TEXT)
        model = took["consumption_model"]
        return took | {
            "billing_account_id": pa.array([ACCOUNT], _TEXT).take(pa.array(np.zeros(same, np.int64))),
            "usage_start_time": _time(self._columns["start"][index]),
            "usage_end_time": _time(self._columns["end"][index]),
            "export_time": _time(self.exported[index]),
            "cost": pa.array(self._columns["cost"][index] / MICRO),
            "currency": pa.array(["INR"], _TEXT).take(pa.array(np.zeros(same, np.int64))),
            "currency_conversion_rate": pa.array(self._columns["rate"][index]),
            "usage": pa.StructArray.from_arrays(
                [pa.array(usage[0]), took["_usage_unit"], pa.array(usage[1]), took["_pricing_unit"]],
                ["amount", "unit", "amount_in_pricing_units", "pricing_unit"],
            ),
            "price": pa.StructArray.from_arrays([prices[name] for name in _PRICE], list(_PRICE), mask=is_null),
            "credits": pa.ListArray.from_arrays(
                pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)), credits
            ),
            "invoice": pa.StructArray.from_arrays(
                [months, pa.array(["GOOGLE"], _TEXT).take(pa.array(np.zeros(same, np.int64)))],
                ["month", "publisher_type"],
            ),
            "cost_at_list": pa.array(money["cost_at_list"]),
            "cost_at_effective_price_default": _where(model, money["cost_at_list"]),
            "cost_at_list_consumption_model": _where(model, self._columns["cost"][index] / MICRO),
        }

    def _money(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """List and effective prices in billionths of a rupee, and the cost at list price in rupees."""
        line = self.rows.line[index]
        listed = np.rint(self._usd[line] * self._columns["rate"][index] * 1e9).astype(np.int64)
        own = np.rint(listed * self._discount[line]).astype(np.int64)
        cost = self._columns["cost"][index]
        exact = self._columns["amount"][index] * self._usd[line] * self._columns["rate"][index]
        at_list = np.where(self._discount[line] < 1, np.rint(exact), cost) / MICRO
        ones = np.full(len(index), 10**9)
        return {
            "effective_price": own, "tier_start_amount": ones * 0, "pricing_unit_quantity": ones,
            "list_price": listed, "effective_price_default": listed, "list_price_consumption_model": own,
            "cost_at_list": at_list,
        }  # fmt: skip

    def _usage(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        units = self._columns["amount"][index]
        return np.rint(units * self._per_unit[self.rows.line[index]] / MICRO), units / MICRO

    def write_json(self, path: Path, names: Sequence[str], index: np.ndarray) -> None:
        """One gzipped file of JSON lines, in pieces that a line has once and numbers that each row has."""
        before, after = zip(*(_json_around(line, names) for line in self._lines), strict=True)
        money, usage = self._money(index), self._usage(index)
        times = {name: np.char.replace(np.datetime_as_string(values[index]), "T", " ")
                 for name, values in (("start", self._columns["start"]), ("end", self._columns["end"]),
                                      ("exported", self.exported))}  # fmt: skip
        months = np.char.replace(np.datetime_as_string(self._columns["month"][index]), "-", "")
        kinds = [[f'{{"name":{json.dumps(k.name)},"amount":', f',"full_name":{json.dumps(k.name)},"id":'
                  f'{json.dumps(k.id)},"type":"{k.type}"}}'] for k in self._kinds]  # fmt: skip
        costs = (self._columns["cost"][index] / MICRO).tolist()
        amounts, units = usage[0].tolist(), usage[1].tolist()
        at_list, own, listed = (money[name].tolist() for name in ("cost_at_list", "effective_price", "list_price"))
        codes, given = self._credit_code.tolist(), (self._credit_amount / MICRO).tolist()
        lines = []
        for n, (row, line) in enumerate(zip(index.tolist(), self.rows.line[index].tolist(), strict=True)):
            what = self._lines[line]
            span = range(self._credit_from[row], self._credit_from[row + 1])
            credits = ",".join(f"{kinds[codes[c]][0]}{given[c]!r}{kinds[codes[c]][1]}" for c in span)
            price = ""
            if what.sku.usd:
                effective, full = _nano(own[n]), _nano(listed[n])
                price = (
                    f',"price":{{"effective_price":"{effective}","tier_start_amount":"0","unit":"{what.sku.unit}",'
                    f'"pricing_unit_quantity":"1","list_price":"{full}","effective_price_default":"{full}",'
                    f'"list_price_consumption_model":"{effective}"}}'
                )
            model = ""
            if what.model:
                model = (f',"cost_at_effective_price_default":{at_list[n]!r}'
                         f',"cost_at_list_consumption_model":{costs[n]!r}')  # fmt: skip
            lines.append(
                f'{before[line]},"usage_start_time":"{times["start"][n]} UTC","usage_end_time":"{times["end"][n]} UTC",'
                f'"export_time":"{times["exported"][n]} UTC","cost":{costs[n]!r},"currency":"INR",'
                f'"currency_conversion_rate":{self._columns["rate"][row].item()!r},"usage":{{"amount":{amounts[n]!r},'
                f'"unit":"{what.sku.base}","amount_in_pricing_units":{units[n]!r},"pricing_unit":"{what.sku.unit}"}},'
                f'"credits":[{credits}],"invoice":{{"month":"{months[n]}","publisher_type":"GOOGLE"}},'
                f'"cost_at_list":{at_list[n]!r}{price}{model}{after[line]}\n'
            )
        write_gzip(path, "".join(lines).encode())


def _project(line: Line) -> dict[str, Any] | None:
    project = PROJECTS.get(line.project)
    if project is None:
        return None
    return {
        "id": line.project, "number": project.number, "name": project.name, "labels": _pairs(project.labels),
        "ancestry_numbers": f"/{_ORGANISATION}/",
        "ancestors": [
            {"resource_name": f"projects/{project.number}", "display_name": project.name},
            {"resource_name": f"organizations/{_ORGANISATION}", "display_name": "pragati.example"},
        ],
    }  # fmt: skip


def _pairs(labels: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels]


def _location(line: Line) -> dict[str, str] | None:
    if not line.project or line.sku.service in ("Invoice", "Support"):
        return None
    place = {"location": REGION, "country": "IN", "region": REGION}
    return place | {"zone": line.resource.zone} if line.resource and line.resource.zone else place


def _model(line: Line) -> dict[str, str] | None:
    if not line.model:
        return None
    applied = {"applied_subscription_instance_id": line.subscription} if line.model == FLEX_MODEL else {}
    return {"id": _MODEL_IDS[line.model], "description": line.model} | applied


def _resource(line: Line) -> dict[str, str] | None:
    return {"name": line.resource.name, "global_name": "//" + line.resource.path} if line.resource else None


#: What all rows of a line share: Arrow type, and the value as JSON would have it.
_MAKERS: dict[str, tuple[pa.DataType, Callable[[Line], Any]]] = {
    "service": (_ID_DESCRIPTION, lambda x: {"id": SERVICES[x.sku.service], "description": x.sku.service}),
    "sku": (_ID_DESCRIPTION, lambda x: {"id": sku_id(x.sku.name), "description": x.sku.name}),
    "project": (_PROJECT, _project),
    "labels": (_PAIRS, lambda x: _pairs(x.labels)),
    "system_labels": (_PAIRS, lambda x: _pairs(x.system_labels)),
    "location": (_LOCATION, _location),
    "resource": (_RESOURCE, _resource),
    "tags": (_TAGS, lambda x: [p | {"inherited": True, "namespace": _ORGANISATION} for p in _pairs(x.tags)]),
    "subscription": (
        pa.struct([("instance_id", _TEXT)]), lambda x: {"instance_id": x.subscription} if x.subscription else None,
    ),
    "transaction_type": (_TEXT, lambda x: "GOOGLE"),
    "seller_name": (_TEXT, lambda x: "Google"),
    "cost_type": (_TEXT, lambda x: x.kind),
    "adjustment_info": (_ADJUSTMENT, lambda x: vars(x.adjustment) if x.adjustment else None),
    "consumption_model": (
        pa.struct([("id", _TEXT), ("description", _TEXT), ("applied_subscription_instance_id", _TEXT)]),
        _model,
    ),
    "_usage_unit": (_TEXT, lambda x: x.sku.base or None),
    "_pricing_unit": (_TEXT, lambda x: x.sku.unit or None),
}  # fmt: skip
_BEFORE = ("service", "sku", "project", "labels", "system_labels", "location", "resource", "tags", "subscription")


def _per_line(lines: Sequence[Line], name: str) -> pa.Array:
    kind, make = _MAKERS[name]
    return pa.array([make(line) for line in lines], kind)


def _json_around(line: Line, names: Sequence[str]) -> tuple[str, str]:
    """The texts before and after what changes from row to row, without the outermost commas."""
    values = {name: make(line) for name, (_, make) in _MAKERS.items() if name in names}
    kept = {name: value for name, value in values.items() if value is not None}
    before = {"billing_account_id": ACCOUNT} | {name: kept[name] for name in _BEFORE if name in kept}
    after = {name: value for name, value in kept.items() if name not in _BEFORE}
    texts = [json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in (before, after)]
    return texts[0][:-1], "," + texts[1][1:]


def _numeric(nano: np.ndarray) -> pa.Array:
    """Billionths as NUMERIC: 16 bytes each, the upper half the sign."""
    parts = np.stack([nano, nano >> 63], axis=1)
    return pa.Array.from_buffers(_NUMERIC, len(nano), [None, pa.py_buffer(np.ascontiguousarray(parts))])


def _nano(value: int) -> str:
    whole, part = divmod(value, 10**9)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")


def _time(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype("datetime64[us]")).cast(_TIME)


def _where(model: pa.Array, values: np.ndarray) -> pa.Array:
    return pa.array(values, mask=~model.is_valid().to_numpy(zero_copy_only=False))


def _ranges(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The indexes first, first + 1, … of each row, one after the other."""
    total = int(counts.sum())
    return np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(total)
