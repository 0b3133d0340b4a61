"""Which data may not leave India: what keeps data, what handles that of students or of money, and what says so itself.

The Digital Personal Data Protection Act allows more than most owners want, so the guard is strict: only a tag that says
"public" takes something that keeps data out of it, and what is not known to be free is asked about, not moved.
"""

from __future__ import annotations

import re
from typing import Final

from recommender.fleet import Fleet, Workload

_KEEPS_DATA: Final = frozenset({"database", "cache", "search", "disk", "snapshot", "bucket", "log"})
#: Tag keys that tell the class of data, and values that free or bind it.
_CLASS_KEYS: Final = re.compile(r"data.?class|classification|sensitivity|residency|pii|dpdp|compliance|regulated", re.I)
_FREE: Final = frozenset({"public", "open", "none", "no", "false", "synthetic"})
#: Words of services, names and tags that stand for data of students or money.
_STUDENTS: Final = re.compile(
    r"(?<![a-z])(students?|users?|auth|identity|profiles?|accounts?|kyc|otp|crm|pay\w*|billing|ledger|assessments?|"
    r"exams?|proctor\w*|answers?|results?|scores?|admissions?|communication|db|sql)(?![a-z])",
    re.I,
)  # fmt: skip


def speaks_of_students(workload: Workload) -> str | None:
    """The word of its service, name or product that stands for data of students or money, if there is one."""
    for text in (workload.service or "", workload.name, workload.tags.get("product", "")):
        if found := _STUDENTS.search(text):
            return found[0]
    return None


def regulated(fleet: Fleet, workload: Workload) -> str | None:
    """Why a workload's data stays in India; None where nothing says that it must."""
    for key, value in sorted(workload.tags.items()):
        if _CLASS_KEYS.search(key):
            return None if value.strip().lower() in _FREE else f"its tag {key} says {value}"
    if workload.kind in _KEEPS_DATA:
        return f"a {workload.kind} keeps data"
    if (workload.service or "") in fleet.regulated_services:
        return f"the configuration names its service {workload.service} as regulated"
    word = speaks_of_students(workload)
    return f"{word!r} in its name or service stands for data of students or money" if word else None
