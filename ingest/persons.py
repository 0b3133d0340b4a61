"""Nobody is stored: feeds of counts are refused when they name a person, and their small cells are merged.

Most NEET aspirants are minors. What may be kept is how many they were, by day, product and state, never below K in a
cell (k-anonymity; K = 20 is the house's rule). What is refused is told by column and number of rows, never by value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
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
    "mob", "tel", "telephone", "msisdn", "imei", "imsi", "apaar", "abha", "voter", "passport", "gaid", "idfa", "cookie",
    "regno",
}  # fmt: skip
#: Parts that say so wherever they stand, also where words run together: studentemail, parentphone.
_INSIDE = (
    "email", "phone", "mobile", "whatsapp", "aadhaar", "aadhar", "guardian", "passport", "msisdn", "username", "userid",
    "studentid", "studentname", "candidatename", "sessionid", "rollno", "rollnum", "enrolmentno", "enrollmentno",
    "dateofbirth",
)  # fmt: skip
#: Name, phone, mobile, e-mail and Aadhaar in Hindi.
_IN_HINDI = ("नाम", "फोन", unicodedata.normalize("NFKC", "फ़ोन"), "मोबाइल", "ईमेल", "आधार")
#: One of these as the whole name is a person; in the plural it is a count.
_ALONE = {"name", "student", "user", "learner", "candidate", "aspirant", "pupil"}
#: Pairs of words that together name one: student_id, registration_no, birth_date, first_name.
_WHO = {"student", "user", "learner", "candidate", "aspirant", "first", "last", "full", "registration", "application",
        "reg", "admission", "customer", "member", "person", "child", "pupil", "subscriber"}  # fmt: skip
_WHAT = {"id", "ids", "no", "number", "name", "names", "code", "key", "hash"}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

#: What people write between the digits of a phone number.
_GAP = "[\\s().\\-/\u00a0\u2009\u202f\u2010-\u2015]"
#: What looks like one person, wherever it stands in a value: e-mail or UPI address, phone or another number of eight
#: digits and more, UUID, hash, PAN.
_IDENTITY = (
    r"\S@\S"
    r"|\d{8,}"
    rf"|\d(?:{_GAP}{{0,3}}\d){{9,}}"
    rf"|^[\s+]*(?:{_GAP}*\d){{8,}}{_GAP}*$"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{16,}"
    r"|(?:^|[^A-Za-z0-9])[A-Za-z]{5}\d{4}[A-Za-z](?:$|[^A-Za-z0-9])"
)
_LOOKS = re.compile(_IDENTITY)
#: The same for the engine, whose digits are ASCII unless told otherwise.
_IN_SQL = _IDENTITY.replace(r"\d", r"\p{Nd}")
_TEXTS = ("product", "state", "metric")


def looks_like_a_person(text: str) -> bool:
    """Whether a text holds what identifies one person: an e-mail, a phone or another long number, a UUID, a hash."""
    return _LOOKS.search(text) is not None


def names_a_person(column: str) -> bool:
    """Whether the name of a column says that it is about one person: StudentEmail, phone_no, "Mobile Number", uid."""
    folded = unicodedata.normalize("NFKC", column)
    words = [word.lower() for word in _PART.findall(folded)]
    joined = "".join(words)
    if _WORDS & {*words, joined} or joined in _ALONE or any(part in joined for part in _INSIDE):
        return True
    if any(word in folded for word in _IN_HINDI) or looks_like_a_person(column):
        return True
    return any(who in _WHO and what in _WHAT for who, what in pairwise(words)) or {"birth", "date"} <= set(words)


def refuse_persons(engine: Engine, parts: Sequence[Path], where: str, negative: Callable[[], str]) -> None:
    """Refuse counts by something that looks like a person, negative counts and months counted twice. Raises BadValue.

    `negative` finds the place of the first negative count in the delivery's own files.
    """
    files = path_list(parts)
    for column in _TEXTS:
        counted = f"SELECT COUNT(*) FROM read_parquet({files}) WHERE regexp_matches({column}, ?)"
        count = engine.rows(counted, [_IN_SQL])[0][0]
        if count:
            raise BadValue(
                f"{column} looks like a person (an e-mail, a phone or another number, a hash) in {count} rows",
                where=where, expected="names of products, states and metrics",
                fix="aggregate before export: student identities are never stored here, and nothing of this file was",
            )  # fmt: skip
    count = engine.rows(f"SELECT COUNT(*) FROM read_parquet({files}) WHERE active_users < 0")[0][0]
    if count:
        raise BadValue(
            f"active_users is negative in {count} rows", where=negative() or where, expected="a count",
            fix="correct the file; nothing of it was loaded",
        )  # fmt: skip
    count = engine.rows(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM read_parquet({files}) WHERE metric = 'mau'"
        " GROUP BY date_trunc('month', active_on), product, state HAVING COUNT(DISTINCT active_on) > 1)"
    )[0][0]
    if count:
        # a rolling count of every day added up would be a month of thirty times as many users
        raise BadValue(
            f"mau stands on more than one day of a month, for {count} months, products and states", where=where,
            expected="each month once; who came on a day is metric dau",
            fix="give the count of each whole month; nothing of this file was loaded",
        )  # fmt: skip


def write_counts(engine: Engine, parts: Sequence[Path], target: Path) -> list[Event]:
    """Write the counts of a delivery with no small cell in them; returns how many were merged, if any.

    Within one instant, metric and product, states below K become "other", joined by the next smallest state if they
    are still below K together; products below K become product "other" the same way. The total of an instant and
    metric stays. Totals that the file states itself (product or state "all") are left as they are.
    """
    engine.execute(f"CREATE OR REPLACE TEMP TABLE counts AS {_CELLS.format(files=path_list(parts))}")
    try:
        engine.copy_file(_MERGED.format(k=K), target)
        fewer = engine.rows("SELECT COUNT(*) FROM counts")[0][0] - engine.parquet_rows([target])
        small = engine.rows(
            "SELECT COUNT(*) FROM (SELECT active_on, active_at, product, state, metric, active_users FROM counts"
            " EXCEPT SELECT active_on, active_at, product, state, metric, active_users"
            f" FROM read_parquet({path_list([target])})) WHERE active_users > 0 AND active_users < ?",
            [K],
        )[0][0]
    finally:
        engine.execute("DROP TABLE counts")
    if not small:
        return []
    what = f"{small} counts below {K} were merged with their neighbours into 'other': {fewer} rows fewer"
    if not fewer:
        what = f"{small} counts below {K} that stand alone are kept as 'other'"
    return [Event("merged", what)]


_CELLS = """
    SELECT
        -- monthly counts belong to the first of their month
        CASE WHEN metric = 'mau' THEN CAST(date_trunc('month', active_on) AS DATE) ELSE active_on END AS active_on,
        active_at, product, state, metric, CAST(SUM(active_users) AS BIGINT) AS active_users
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
            MIN(users) FILTER (users > 0) OVER cell < {k} AS is_small,
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
