"""The table `raw`: provider files as the typed columns that a source declares.

Knows how to read a CSV, Parquet or JSON file exactly (money never passes through a float it did not
come in). Does not know what the columns mean: that is the source's SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.engine import literal, path_list, quote

#: SQL type of each declared kind.
KINDS = {
    "text": "VARCHAR",
    "decimal": "DECIMAL(38,18)",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "json": "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    """One declared column of a source.

    `path` is the declared, possibly dotted name; `kind` a key of KINDS or "list"; `fields` the fields of a
    list's elements; `aliases` other names the providers gave it; `inside` the "map.key" that holds it in layouts
    where it is no column of its own.
    """

    path: str
    kind: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    inside: str = ""

    @property
    def name(self) -> str:
        """The name in SQL: dots become underscores."""
        return self.path.replace(".", "_")

    @property
    def sql_type(self) -> str:
        """SQL type of the column in `raw`."""
        if self.kind != "list":
            return KINDS[self.kind]
        return "STRUCT(" + ", ".join(f"{quote(name)} {KINDS[kind]}" for name, kind in self.fields) + ")[]"


@dataclass(frozen=True)
class FileGroup:
    """Files of one format and one set of columns.

    `physical` maps the names found in the file (dotted for nested Parquet and JSON) to engine types; in a CSV
    everything is VARCHAR and the order is the file's.
    """

    format: str
    files: tuple[Path, ...]
    physical: Mapping[str, str]
    options: tuple[tuple[str, str], ...] = ()

    def batch(self, files: Sequence[Path]) -> FileGroup:
        """The same group over fewer files."""
        return FileGroup(self.format, tuple(files), self.physical, self.options)


@dataclass(frozen=True)
class Match:
    """Which physical column stands for a declared one.

    For a json column spread over a prefix, `members` are its (key, physical) pairs; with a `key`, the value lies
    under that key of a physical map.
    """

    column: Column
    physical: str | None = None
    members: tuple[tuple[str, str], ...] = ()
    key: str = ""


def raw_select(
    group: FileGroup,
    matches: Sequence[Match],
    cost: str,
    null_words: Sequence[str] = (),
    codes: Mapping[str, str] | None = None,
) -> str:
    """The SELECT that yields `raw` from the files of a group.

    `codes` is SQL that reads some physical text columns as ENUMs. Adds `x_is_rounded`: the text of the `cost` column
    has more than 18 decimals.
    """
    reader = _Reader(group, codes or {})
    expressions = [f"{reader.value(match)} AS {quote(match.column.name)}" for match in matches]
    cost_match = next((match for match in matches if match.column.name == cost), None)
    rounded = "FALSE"
    if cost_match is not None and cost_match.physical is not None:
        text = reader.text(cost_match.physical)
        rounded = f"COALESCE(text_is_rounded({text}), FALSE)" if text else "FALSE"
    expressions.append(f"{rounded} AS x_is_rounded")
    return "SELECT " + ",\n       ".join(expressions) + f"\nFROM {_scan(group, matches, null_words)}"


def _scan(group: FileGroup, matches: Sequence[Match], null_words: Sequence[str]) -> str:
    files = path_list(group.files)
    if group.format == "parquet":
        return f"read_parquet({files})"
    options = dict(group.options)
    if group.format == "json":
        columns = _json_columns(group, matches)
        compression = literal(options["compression"].replace("none", "uncompressed"))
        return (
            f"read_json({files}, columns = {columns}, format = {literal(options['layout'])},"
            f" compression = {compression}, maximum_object_size = 67108864)"
        )
    columns = "{" + ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(group.physical))) + "}"
    nulls = "[" + ", ".join(literal(word) for word in ["", *null_words]) + "]"
    return (
        f"read_csv({files}, columns = {columns}, auto_detect = false, header = true, delim = ',', quote = '\"',"
        f" escape = '\"', nullstr = {nulls}, compression = {literal(options['compression'])},"
        " strict_mode = true)"
    )


def _json_columns(group: FileGroup, matches: Sequence[Match]) -> str:
    tree: dict[str, object] = {}
    for match in matches:
        if match.physical is None:
            continue
        node = tree
        *parents, leaf = match.physical.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})  # type: ignore[assignment]
        if match.column.kind == "list":
            fields = ", ".join(f"{quote(name)} VARCHAR" for name, _ in match.column.fields)
            node[leaf] = f"STRUCT({fields})[]"
        else:
            node[leaf] = "JSON" if match.column.kind == "json" else "VARCHAR"

    def sql_type(node: object) -> str:
        if isinstance(node, str):
            return node
        assert isinstance(node, dict)
        return "STRUCT(" + ", ".join(f"{quote(name)} {sql_type(child)}" for name, child in node.items()) + ")"

    return "{" + ", ".join(f"{literal(name)}: {literal(sql_type(child))}" for name, child in tree.items()) + "}"


class _Reader:
    """Expressions that turn a physical column into a declared one."""

    def __init__(self, group: FileGroup, codes: Mapping[str, str]) -> None:
        self.group = group
        self.codes = codes
        self.positions = {name: index for index, name in enumerate(group.physical)}

    def reference(self, physical: str) -> str:
        if self.group.format == "csv":
            return f"c{self.positions[physical]}"
        return ".".join(quote(part) for part in physical.split("."))

    def text(self, physical: str) -> str:
        """The physical value as text where it is text, else empty."""
        if self.group.format == "parquet" and self.group.physical[physical] != "VARCHAR":
            return ""
        return self.reference(physical)

    def value(self, match: Match) -> str:
        column = match.column
        if match.members:
            return self._members(match.members)
        if match.physical is None:
            return f"CAST(NULL AS {column.sql_type})"
        reference = self.reference(match.physical)
        kind = "VARCHAR" if self.group.format != "parquet" else self.group.physical[match.physical]
        if match.key:
            inner = (
                f"{reference}[{literal(match.key)}]"
                if kind.startswith("MAP")
                else f"json_extract_string({reference}, {literal('/' + match.key)})"
            )
            return cast(column.kind, inner, "VARCHAR")
        if column.kind == "text" and match.physical in self.codes:
            return self.codes[match.physical]
        if column.kind == "list":
            return self._list(column, reference, kind)
        if column.kind == "json":
            return self._json(reference, kind)
        return cast(column.kind, reference, kind)

    def _members(self, members: Sequence[tuple[str, str]]) -> str:
        parts = []
        for key, physical in members:
            text = f"NULLIF(CAST({self.reference(physical)} AS VARCHAR), '')"
            parts.append(f"{literal(_json_key(key))} || CAST(to_json({text}) AS VARCHAR)")
        joined = ", ".join(parts)
        return f"'{{' || NULLIF(concat_ws(',', {joined}), '') || '}}'"

    def _list(self, column: Column, reference: str, kind: str) -> str:
        if self.group.format == "csv":  # a nested field flattened into JSON text
            layout = "[{" + ", ".join(f'"{name}": "VARCHAR"' for name, _ in column.fields) + "}]"
            reference = f"from_json(NULLIF({reference}, ''), {literal(layout)})"
            have = dict.fromkeys([name for name, _ in column.fields], "VARCHAR")
        elif self.group.format == "json":
            have = dict.fromkeys([name for name, _ in column.fields], "VARCHAR")
        else:
            have = _struct_fields(kind)
        fields = ", ".join(
            f"{quote(name)}: "
            + (
                cast(field_kind, f"e.{quote(name)}", have[name])
                if name in have
                else f"CAST(NULL AS {KINDS[field_kind]})"
            )
            for name, field_kind in column.fields
        )
        return f"list_transform({reference}, lambda e: {{{fields}}})"

    def _json(self, reference: str, kind: str) -> str:
        if kind.startswith("MAP"):
            return f"NULLIF(CAST(to_json({reference}) AS VARCHAR), '{{}}')"
        if kind.startswith("STRUCT") and kind.endswith("[]"):
            return f"pairs_json({reference})"
        if kind.startswith("STRUCT"):
            return f"CAST(to_json({reference}) AS VARCHAR)"
        pairs = f"""pairs_json(from_json({reference}, '[{{"key": "VARCHAR", "value": "VARCHAR"}}]'))"""
        return (
            f"CASE WHEN starts_with(ltrim(CAST({reference} AS VARCHAR)), '[') THEN {pairs}"
            f" ELSE NULLIF(NULLIF(CAST(json({reference}) AS VARCHAR), '{{}}'), 'null') END"
        )


def cast(kind: str, reference: str, physical: str) -> str:
    """A physical value as a declared kind, exactly; a value that does not fit is an engine error."""
    is_text = physical == "VARCHAR"
    if kind == "text":
        return f"NULLIF({reference}, '')" if is_text else f"CAST({reference} AS VARCHAR)"
    if kind == "decimal" and is_text:
        return f"text_decimal({reference})"
    if kind == "decimal" and physical in ("DOUBLE", "FLOAT"):
        return f"double_decimal(CAST({reference} AS DOUBLE))"
    if kind == "timestamp" and is_text:
        return f"text_timestamp({reference})"
    if kind == "timestamp" and physical == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({reference} AS TIMESTAMP)"
    if is_text:
        return f"CAST(NULLIF({reference}, '') AS {KINDS[kind]})"
    return f"CAST({reference} AS {KINDS[kind]})"


def _json_key(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}":'


def _struct_fields(kind: str) -> dict[str, str]:
    """Field names and types of 'STRUCT(a VARCHAR, b DOUBLE)[]'; nested commas are not needed in any export."""
    inner = kind.removesuffix("[]").removeprefix("STRUCT(").removesuffix(")")
    pairs = (part.strip().rsplit(" ", 1) for part in inner.split(", "))
    return {name.strip('"'): field_kind for name, field_kind in pairs}
