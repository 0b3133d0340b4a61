"""The SQL that a cluster engine runs as DuckDB does: a whitelist, because what breaks elsewhere breaks in silence.

Every entry was run on DuckDB and on Spark with the same result. What is not here is refused: products and quotients
of decimals change their scale, AVG its type, AT TIME ZONE its direction, LIST its order, and none of them says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

#: Macros of our engine that stand for what has no portable form; each engine brings its own.
MACROS = {"gcp_month_start", "gcp_month_end", "credit_sum", "tags_join"}

_STRUCTURE = {
    exp.Select, exp.From, exp.Where, exp.With, exp.CTE, exp.Subquery, exp.Union, exp.Join, exp.Unnest, exp.Table,
    exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Group, exp.Having, exp.Paren, exp.Tuple,
    exp.Var, exp.DataType, exp.DataTypeParam, exp.Dot,
}  # fmt: skip
_VALUES = {
    exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Add, exp.Sub, exp.Interval,
    exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Cast, exp.TryCast,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Between, exp.Like,
    exp.Sum, exp.Count, exp.Min, exp.Max,
    exp.Lower, exp.Upper, exp.Trim, exp.Concat, exp.Replace, exp.Substring, exp.StrPosition, exp.SplitPart,
    exp.RegexpExtract, exp.JSONExtractScalar, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey,
    exp.TimestampTrunc, exp.DateTrunc,
}  # fmt: skip
_TYPES = {"DECIMAL", "DATE", "TIMESTAMP", "TIMESTAMPNTZ", "VARCHAR", "TEXT", "BIGINT", "INT", "BOOLEAN"}


def statement(sql: str) -> exp.Expr:
    """The one statement of a text. Raises AssertionError if there are more."""
    found = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    assert len(found) == 1, f"{len(found)} statements, one is allowed"
    return found[0]


def faults(sql: str) -> list[str]:
    """What a cluster engine would not run in the same way; empty if nothing."""
    return [fault for node in statement(sql).walk() for fault in _faults_of(node)]


def _faults_of(node: exp.Expr) -> Iterator[str]:
    if isinstance(node, exp.Anonymous):
        if node.name.lower() not in MACROS:
            yield f"function {node.name}"
    elif type(node) not in _STRUCTURE | _VALUES:
        yield f"{type(node).__name__}: {node.sql(dialect='duckdb')[:60]}"
    elif isinstance(node, exp.Cast) and node.to.this.value not in _TYPES:
        yield f"a cast to {node.to.sql(dialect='duckdb')}"
    elif isinstance(node, exp.Union) and node.args.get("distinct"):
        yield "UNION without ALL: it drops rows that are equal and real"
    elif isinstance(node, exp.Join) and node.side != "LEFT" and node.kind != "CROSS":
        yield f"{node.sql(dialect='duckdb')[:40]}: only a LEFT JOIN or a CROSS JOIN loses no row"
    elif isinstance(node, exp.Unnest) and not isinstance(node.parent, exp.From | exp.Join):
        yield "UNNEST outside of FROM"
    elif isinstance(node, exp.Star) and any(node.args.get(key) for key in ("except", "except_", "replace", "rename")):
        yield "a star with exceptions"
    elif isinstance(node, exp.Substring) and node.args["start"].sql() in ("0", "-1"):
        yield "SUBSTRING counted from 0"
    elif isinstance(node, exp.RegexpExtract) and node.args["group"].sql() == "0":
        yield "regexp_extract without its group: the whole match here, the first group elsewhere"
    elif isinstance(node, exp.Interval) and _is_date(node.parent):
        yield "DATE + INTERVAL: a date here, a time elsewhere"


def _is_date(parent: exp.Expr | None) -> bool:
    left = parent.this if isinstance(parent, exp.Add | exp.Sub) else None
    return isinstance(left, exp.Cast) and left.to.this.value == "DATE"


def tables(sql: str) -> set[str]:
    """Names of the tables that a statement reads, its own CTEs left out."""
    tree = statement(sql)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table) if table.name} - own


def to_spark(sql: str) -> str:
    """The statement in Spark's words. Raises UnsupportedError where sqlglot has none."""
    return sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
