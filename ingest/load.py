"""One delivery into the store: convert, prove, derive, commit. All in, or nothing.

The proof before anything counts: as many rows as the files hold, the provider's own amounts to the last
digit, every required column filled, the billing period that was promised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core import BadValue, Clock, ConformanceFailed, ExportConfig, FileCorrupt
from ingest.convert import Converted, LoadContext, Say, convert
from ingest.deliveries import Delivery, FetchedFile
from ingest.derive import derive
from ingest.feeds import check_feed
from warehouse import Engine, Event, Load, LoadedFile, Total, Warehouse, literal, path_list, required, sync_file

ZERO = Decimal(0)


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery."""

    export: str
    group: str
    outcome: str  # loaded, same, superseded, refused
    loads: tuple[Load, ...] = ()
    reason: str = ""


def load_delivery(
    warehouse: Warehouse,
    engine: Engine,
    export: ExportConfig,
    delivery: Delivery,
    files: Sequence[FetchedFile],
    staging: Path,
    *,
    clock: Clock,
    say: Say,
) -> Outcome:
    """Load the fetched files of a delivery.

    Returns what happened; raises a SourceError or DeliveryError, with nothing changed, if the files are not right.
    """
    content = content_hash(files)
    group = delivery.group
    if _same_content(warehouse, export.name, delivery, content):
        warehouse.ledger.mark(export.name, group, delivery.fingerprint, "same", clock.now())
        return Outcome(export.name, group, "same")
    _refuse_twins(files, delivery)
    context = LoadContext(export.name, delivery.delivered_at, export.payer or "")
    converted = convert(engine, files, context, staging / "parts", wanted=export.source, say=say)
    kind = converted.source.into
    if converted.source.cost or kind == "charges":
        prepared = _prepare_charges(engine, export, delivery, files, converted, staging, content, clock)
    else:
        prepared = _prepare_feed(warehouse, engine, export, delivery, files, converted, staging, content, clock)
    kept, events = [], []
    for load, folder in prepared:
        reason = superseded_by(warehouse, load)
        if reason:
            events.append((load, Event("superseded", reason)))
        else:
            kept.append((load, folder))
    for load, event in events:
        warehouse.ledger.add_event(event, export=export.name, payer=load.payer, partition=load.partition, at=clock.now())
    if not kept:
        warehouse.ledger.mark(export.name, group, delivery.fingerprint, "superseded", clock.now())
        return Outcome(export.name, group, "superseded", reason=events[0][1].message if events else "")
    loads = [_with_replacement_event(warehouse, load, delivery) for load, _ in kept]
    for load, folder in kept:
        warehouse.keep(folder, load.folder)
    warehouse.ledger.commit_delivery(
        loads, export=export.name, file_group=group, fingerprint=delivery.fingerprint, seen_at=clock.now()
    )
    return Outcome(export.name, group, "loaded", tuple(loads))


def content_hash(files: Sequence[FetchedFile]) -> str:
    """One hash for what the files hold, whatever they are called and in whatever order they come."""
    return hashlib.sha256("".join(sorted(file.sha256 for file in files)).encode()).hexdigest()


def _same_content(warehouse: Warehouse, export: str, delivery: Delivery, content: str) -> bool:
    rows = warehouse.ledger.rows(
        "SELECT 1 FROM loads WHERE export = ? AND content = ? AND is_current LIMIT 1", (export, content)
    )
    return bool(rows)


def _refuse_twins(files: Sequence[FetchedFile], delivery: Delivery) -> None:
    seen: dict[str, str] = {}
    for file in files:
        twin = seen.setdefault(file.sha256, file.name)
        if twin != file.name:
            raise FileCorrupt(
                f"{twin} and {file.name} are the same file to the last byte",
                where=delivery.group, expected="each part once", fix="remove one; loading both would double the bill",
            )  # fmt: skip


def _prepare_charges(
    engine: Engine,
    export: ExportConfig,
    delivery: Delivery,
    files: Sequence[FetchedFile],
    converted: Converted,
    staging: Path,
    content: str,
    clock: Clock,
) -> list[tuple[Load, Path]]:
    source = converted.source
    parts = list(converted.parts)
    if not parts:
        raise BadValue("the files hold a header and no row", where=delivery.group, expected="at least one charge",
                       fix="an empty month is never published as ₹0; wait for the next delivery")  # fmt: skip
    _require_filled(engine, source.into, parts, delivery.group)
    groups = _totals(engine, parts, source.partition, delivery)
    file_rows = sum(file.rows for file in files) if all(file.rows is not None for file in files) else None
    row_rows = sum(group["row_rows"] for group in groups)
    if file_rows is not None and file_rows != row_rows:
        raise FileCorrupt(
            f"the files hold {file_rows} rows, the conversion {row_rows}", where=delivery.group,
            expected="the same number", fix="nothing was loaded; please report the file's layout",
        )  # fmt: skip
    _check_period(delivery, groups)
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for group in groups:
        by_key.setdefault((group["payer"], group["partition"]), []).append(group)
    prepared = []
    for number, ((payer, partition), members) in enumerate(sorted(by_key.items())):
        folder = staging / f"load-{number:04d}"
        folder.mkdir()
        if len(by_key) == 1:
            for index, part in enumerate(parts):
                part.rename(folder / f"part-{index:05d}.parquet")
        else:
            _split(engine, parts, payer, members, source.partition, folder)
        events = _events(engine, folder, members, converted)
        complete = max((m["complete_through"] for m in members if m["complete_through"]), default=None)
        if complete is not None:
            complete = min(complete.replace(tzinfo=UTC), delivery.delivered_at)
        events += derive(engine, folder, members, complete or delivery.delivered_at)
        members = _totals(engine, sorted(folder.glob("*.parquet")), source.partition, delivery)
        load = _load(export, delivery, source.into, source.name, converted, payer, partition, content, clock)
        totals = tuple(_total(member) for member in members)
        load = replace(
            load,
            provider=members[0]["provider"],
            file_rows=sum(m["row_rows"] for m in members),
            row_rows=sum(m["row_rows"] for m in members),
            is_invoiced=all(total.uninvoiced == 0 for total in totals),
            complete_through=complete,
            totals=totals,
            files=_files(files) if number == 0 else (),
            events=tuple(events),
        )
        prepared.append((load, folder))
    return prepared


def _require_filled(engine: Engine, kind: str, parts: Sequence[Path], where: str) -> None:
    columns = required(kind)
    counts = ", ".join(f'COUNT(*) - COUNT("{name}")' for name in columns)
    empty = engine.rows(f"SELECT {counts} FROM read_parquet({path_list(parts)})")[0]  # noqa: S608
    bad = [f"{name} in {count} rows" for name, count in zip(columns, empty, strict=True) if count]
    if bad:
        raise BadValue(
            f"required values are empty: {', '.join(bad)}", where=where, expected="a value in every row",
            fix="nothing of this delivery was loaded; the provider's next delivery is tried again",
        )  # fmt: skip


def _totals(engine: Engine, parts: Sequence[Path], partition: str, delivery: Delivery) -> list[dict[str, Any]]:
    key = "strftime(x_BillingMonth, '%Y-%m')" if partition == "month" else literal(delivery.group)
    return engine.dicts(
        f"""
        SELECT
            BillingAccountId AS payer,
            {key} AS partition,
            x_BillingMonth AS billing_month,
            BillingCurrency AS currency,
            ANY_VALUE(ProviderName) AS provider,
            COUNT(*) AS charges,
            COUNT(*) FILTER (WHERE x_RowOrigin = 'row') AS row_rows,
            SUM(x_SourceCost) AS file_cost,
            SUM(BilledCost) AS billed_cost,
            SUM(EffectiveCost) AS effective_cost,
            COUNT(*) FILTER (WHERE x_RowOrigin = 'row' AND InvoiceId IS NULL) AS uninvoiced,
            COUNT(DISTINCT InvoiceId) AS invoices,
            MAX(ChargePeriodEnd) FILTER (WHERE ChargeCategory = 'Usage') AS complete_through,
            COUNT(*) FILTER (WHERE x_IsRounded) AS rounded,
            COUNT(x_UnusedCost) AS fees,
            COUNT(*) FILTER (WHERE x_ChargeSubcategory = 'Unclassified') AS unclassified
        FROM read_parquet({path_list(parts)})
        GROUP BY ALL
        ORDER BY ALL
        """  # noqa: S608
    )


def _check_period(delivery: Delivery, groups: Sequence[dict[str, Any]]) -> None:
    if delivery.partition is None:
        return
    other = sorted({group["billing_month"].strftime("%Y-%m") for group in groups} - {delivery.partition})
    if other:
        raise ConformanceFailed(
            f"the manifest promises {delivery.partition}, the files hold {', '.join(other)}",
            where=delivery.group, expected=f"only rows of {delivery.partition}",
            fix="nothing was loaded; the provider's next delivery is tried again",
        )  # fmt: skip


def _split(
    engine: Engine, parts: Sequence[Path], payer: str, members: Sequence[dict[str, Any]], partition: str, folder: Path
) -> None:
    where = f"BillingAccountId = {literal(payer)}"
    if partition == "month":
        where += f" AND x_BillingMonth = DATE {literal(members[0]['billing_month'].isoformat())}"
    target = folder / "part-00000.parquet"
    engine.copy_file(f"SELECT * FROM read_parquet({path_list(parts)}) WHERE {where}", target)  # noqa: S608
    sync_file(target)


def _events(
    engine: Engine, folder: Path, members: Sequence[dict[str, Any]], converted: Converted
) -> list[Event]:
    events = []
    parts = path_list(sorted(folder.glob("*.parquet")))
    if sum(member["unclassified"] for member in members):
        for row in engine.dicts(
            f"SELECT x_ChargeType AS type, BillingCurrency AS currency, COUNT(*) AS n, SUM(BilledCost) AS amount"  # noqa: S608
            f" FROM read_parquet({parts}) WHERE x_ChargeSubcategory = 'Unclassified' GROUP BY ALL ORDER BY ALL"
        ):
            events.append(Event(
                "unclassified",
                f"{row['n']} rows of unknown type {row['type']!r}: counted in the totals, shown as unclassified",
                row["amount"], row["currency"],
            ))  # fmt: skip
    if rounded := sum(member["rounded"] for member in members):
        events.append(Event("rounded", f"{rounded} amounts had more than 18 decimals and were rounded half up"))
    if converted.unknown_columns:
        names = ", ".join(converted.unknown_columns[:20])
        more = len(converted.unknown_columns) - 20
        events.append(Event("unread columns", f"columns not read: {names}" + (f" and {more} more" if more > 0 else "")))
    return events


def _load(
    export: ExportConfig,
    delivery: Delivery,
    kind: str,
    source: str,
    converted: Converted,
    payer: str,
    partition: str,
    content: str,
    clock: Clock,
) -> Load:
    execution = f"{delivery.delivered_at:%Y%m%dT%H%M%SZ}-{delivery.fingerprint[:12]}"
    folder = "/".join([kind, export.name, folder_name(payer or "all"), folder_name(partition), execution])
    return Load(
        kind=kind, export=export.name, source=source, provider=converted.source.provider, payer=payer,
        partition=partition, execution=execution, content=content, delivered_at=delivery.delivered_at,
        loaded_at=clock.now(), folder=folder, file_rows=0, row_rows=0, is_invoiced=False, complete_through=None,
    )  # fmt: skip


def folder_name(text: str) -> str:
    """A safe folder name: letters, digits, dot, dash; anything else is replaced and a hash keeps names apart."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in text)[:60].lstrip(".")
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _total(member: dict[str, Any]) -> Total:
    month: date = member["billing_month"]
    return Total(
        month, member["currency"], member["charges"], member["file_cost"] or ZERO, member["billed_cost"] or ZERO,
        member["effective_cost"] or ZERO, member["uninvoiced"], member["invoices"],
    )  # fmt: skip


def _files(files: Sequence[FetchedFile]) -> tuple[LoadedFile, ...]:
    return tuple(LoadedFile(f.name, str(f.origin), f.size, f.sha256, f.rows or 0) for f in files)


def _prepare_feed(
    warehouse: Warehouse,
    engine: Engine,
    export: ExportConfig,
    delivery: Delivery,
    files: Sequence[FetchedFile],
    converted: Converted,
    staging: Path,
    content: str,
    clock: Clock,
) -> list[tuple[Load, Path]]:
    source = converted.source
    folder = staging / "load-0000"
    folder.mkdir()
    events: list[Event] = []
    parts = list(converted.parts)
    target = folder / "part-00000.parquet"
    where = f'WHERE "{source.drop_null}" IS NOT NULL' if source.drop_null else ""
    engine.copy_file(f"SELECT * FROM read_parquet({path_list(parts)}) {where}", target)  # noqa: S608
    total = engine.rows(f"SELECT COUNT(*) FROM read_parquet({path_list(parts)})")[0][0]  # noqa: S608
    kept = engine.rows(f"SELECT COUNT(*) FROM read_parquet({path_list([target])})")[0][0]  # noqa: S608
    if total != kept:
        events.append(Event("absent", f"{total - kept} rows of {delivery.group} have no {source.drop_null} (empty or zero)"))
    if not kept:
        raise BadValue("the file holds no usable row", where=delivery.group, expected="at least one")
    _require_filled(engine, source.into, [target], delivery.group)
    events += check_feed(warehouse, engine, source.into, target, export.name, delivery.group)
    sync_file(target)
    load = replace(
        _load(export, delivery, source.into, source.name, converted, "", delivery.group, content, clock),
        file_rows=total, row_rows=kept, files=_files(files), events=tuple(events),
    )  # fmt: skip
    return [(load, folder)]


def superseded_by(warehouse: Warehouse, load: Load) -> str:
    """Why a load may not replace what is there: older never replaces newer, unfinished never replaces final."""
    now = warehouse.ledger.current(load.kind, load.export, load.payer, load.partition)
    if now is None:
        return ""
    if now.is_invoiced and load.totals and not any(total.invoices for total in load.totals):
        return (
            f"{load.partition} of {load.payer} is invoiced; a delivery of {_day(load.delivered_at)} without any"
            " invoice id does not replace it"
        )
    if load.delivered_at < now.delivered_at and bool(load.totals) and not (load.is_invoiced and not now.is_invoiced):
        return f"a newer delivery of {_day(now.delivered_at)} is loaded; this one is of {_day(load.delivered_at)}"
    return ""


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _with_replacement_event(warehouse: Warehouse, load: Load, delivery: Delivery) -> Load:
    """Say so when another file, not a new delivery of the same one, takes a month over."""
    now = warehouse.ledger.current(load.kind, load.export, load.payer, load.partition)
    if now is None or delivery.manifest is not None or load.kind != "charges":
        return load
    before = warehouse.ledger.rows("SELECT name FROM load_files WHERE load_id = ? LIMIT 1", (now.load_id,))
    names = {file.name for file in load.files}
    if not before or before[0]["name"] in names or not names:
        return load
    event = Event(
        "replaced",
        f"{sorted(names)[0]} replaced {before[0]['name']} as the bill of {load.partition} of {load.payer}; if both are"
        ' parts of one bill, set shards = "all" for this export',
    )
    return replace(load, events=(*load.events, event))
