"""Nobody is stored: feeds of counts are refused when they name a person, and their small cells are merged.

Most NEET aspirants are minors. What may be kept is how many they were, by day, product and state, never below K in a
cell (k-anonymity; K = 20 is the house's rule). What is refused is told by column and number of rows, never by value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from core import BadValue
from warehouse import Engine, Event, path_list

K = 20
#: Words that no column of counts has.
_WORDS = {
    "email", "mail", "phone", "mobile", "whatsapp", "contact", "aadhaar", "aadhar", "pan", "address", "dob", "birthday",
    "roll", "rollno", "enrolment", "enrollment", "guid", "uuid", "uid", "ip", "device", "guardian", "father", "mother",
    "parent", "username", "studentid", "userid", "surname", "firstname", "lastname", "fullname",
}  # fmt: skip
#: Pairs of words that together name one: student_id, registration_no, birth_date, first_name.
_WHO = {"student", "user", "learner", "candidate", "aspirant", "first", "last", "full", "registration", "application"}
_WHAT = {"id", "ids", "no", "number", "name", "names", "code", "key", "hash"}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

#: Values that look like one person: e-mail, phone or other number of eight digits and more, UUID, hash, PAN.
_IDENTITY = (
    r"^\s*(\S+@\S+\.[A-Za-z]{2,}|\+?[\d\s().-]*(\d[\s().-]*){8,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,}"
    r"|[A-Za-z]{5}\d{4}[A-Za-z]|[A-Za-z]{1,4}\d{8,})\s*$"
)
_TEXTS = ("product", "state", "metric")


def names_a_person(column: str) -> bool:
    """Whether the name of a column says that it is about one person: StudentEmail, phone_no, "Mobile Number", uid."""
    words = [word.lower() for word in _PART.findall(column)]
    if _WORDS & {*words, "".join(words)}:
        return True
    return any(who in _WHO and what in _WHAT for who, what in pairwise(words)) or {"birth", "date"} <= set(words)


def refuse_persons(engine: Engine, parts: Sequence[Path], where: str) -> None:
    """Refuse counts by something that looks like a person, and negative counts. Raises BadValue."""
    files = path_list(parts)
    for column in _TEXTS:
        count = engine.rows(
            f"SELECT COUNT(*) FROM read_parquet({files}) WHERE regexp_matches({column}, ?)", [_IDENTITY]
        )[0][0]
        if count:
            raise BadValue(
                f"{column} looks like a person (an e-mail, a phone or another number, a hash) in {count} rows",
                where=where, expected="names of products, states and metrics",
                fix="aggregate before export: student identities are never stored here, and nothing of this file was",
            )  # fmt: skip
    count = engine.rows(f"SELECT COUNT(*) FROM read_parquet({files}) WHERE active_users < 0")[0][0]
    if count:
        raise BadValue(
            f"active_users is negative in {count} rows", where=where, expected="a count",
            fix="correct the file; nothing of it was loaded",
        )  # fmt: skip


def write_counts(engine: Engine, parts: Sequence[Path], target: Path) -> list[Event]:
    """Write the counts of a delivery with no small cell in them; returns how many were merged, if any.

    Within one instant, metric and product, states below K become "other", joined by the next smallest state if they
    are still below K together; products below K become product "other" the same way. The total of an instant and
    metric stays. Totals that the file states itself (product or state "all") are left as they are.
    """
    engine.execute(f"CREATE OR REPLACE TEMP TABLE counts AS {_CELLS.format(files=path_list(parts))}")
    engine.copy_file(_MERGED.format(k=K), target)
    small = engine.rows(f"SELECT COUNT(*) FROM counts WHERE active_users BETWEEN 1 AND {K - 1}")[0][0]
    before = engine.rows("SELECT COUNT(*) FROM counts")[0][0]
    merged = before - engine.parquet_rows([target])
    if not small or not merged:
        return []
    return [
        Event("merged", f"{small} counts below {K} were merged with their neighbours into 'other': {merged} rows fewer")
    ]


_CELLS = """
    SELECT
        active_on, active_at, product, state, metric, CAST(SUM(active_users) AS BIGINT) AS active_users
    FROM read_parquet({files})
    GROUP BY ALL
"""
_MERGED = """
    WITH breakdown AS (
        -- a state "all" beside others is their total, not one of them; alone it is the product
        SELECT
            *,
            state = 'all' AND COUNT(*) OVER cell > 1 AS is_total,
            COUNT(*) FILTER (state <> 'all') OVER cell > 0 AS has_states
        FROM counts
        WINDOW cell AS (PARTITION BY active_on, active_at, metric, product)
    ),

    ordered_states AS (
        SELECT
            *,
            -- zero is nobody: it is hidden by no merging
            MIN(active_users) FILTER (active_users > 0) OVER cell < {k} AS is_small,
            COALESCE(SUM(active_users) OVER before, 0) AS smaller
        FROM breakdown
        WHERE NOT is_total AND has_states
        WINDOW
            cell AS (PARTITION BY active_on, active_at, metric, product),
            before AS (
                PARTITION BY active_on, active_at, metric, product ORDER BY state <> 'other', active_users, state
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
    ),

    states AS (
        SELECT
            active_on, active_at, product, metric,
            CASE WHEN is_small AND (active_users < {k} OR smaller < {k}) THEN 'other' ELSE state END AS state,
            active_users
        FROM ordered_states
        UNION ALL
        SELECT active_on, active_at, product, metric, state, active_users
        FROM breakdown
        WHERE is_total OR NOT has_states
    ),

    products AS (
        SELECT
            active_on, active_at, metric, product,
            COALESCE(MAX(active_users) FILTER (state = 'all'), SUM(active_users)) AS users
        FROM states
        GROUP BY ALL
    ),

    ordered_products AS (
        SELECT
            *,
            MIN(users) FILTER (users > 0) OVER cell < {k} AND COUNT(*) OVER cell > 1 AS is_small,
            COALESCE(SUM(users) OVER before, 0) AS smaller
        FROM products
        WHERE product <> 'all'
        WINDOW
            cell AS (PARTITION BY active_on, active_at, metric),
            before AS (
                PARTITION BY active_on, active_at, metric ORDER BY product <> 'other', users, product
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
    ),

    small_products AS (
        SELECT active_on, active_at, metric, product, users
        FROM ordered_products
        WHERE is_small AND (users < {k} OR smaller < {k})
    ),

    kept AS (
        SELECT states.*
        FROM states
        LEFT JOIN small_products AS small
            ON states.active_on = small.active_on AND states.metric = small.metric AND states.product = small.product
            AND states.active_at IS NOT DISTINCT FROM small.active_at
        WHERE small.product IS NULL
        UNION ALL
        SELECT active_on, active_at, 'other' AS product, metric, 'other' AS state, users AS active_users
        FROM small_products
    )

    SELECT
        active_on, active_at, product, state, CAST(SUM(active_users) AS BIGINT) AS active_users, metric
    FROM kept
    GROUP BY ALL
    ORDER BY active_on, active_at, product, state, metric
"""
