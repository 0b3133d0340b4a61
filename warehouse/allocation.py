"""Whose cost a charge is: team, environment, product and service, from tags, accounts, namespaces and names.

For each of the four, in this order: a rule that overrides, the tags, a rule. What none of them knows stays NULL: it is
shown as unallocated, never spread in silence. How shared costs are distributed is the marts' business.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core import NAMESPACE_TAGS
from warehouse.engine import literal, quote

#: Dimension as the configuration calls it -> column.
DIMENSIONS = {"team": "x_Team", "environment": "x_Environment", "product": "x_Product", "service": "x_Service"}

#: Google's word for the part of a node that no pod asked for, and for the system's own share.
KUBE_REST = "kube:"
#: arn:aws:eks:region:account:pod/cluster/namespace/name/uid tells the namespace of a pod without tags.
_NAMESPACE = (
    "COALESCE(tag_sets.x_Namespace, CASE WHEN charges.x_SplitCost IS NOT NULL"
    " THEN NULLIF(regexp_extract(charges.ResourceId, ':pod/[^/]+/([^/]+)/', 1), '') END)"
)
#: Words that people type where a value is demanded and they have none.
NOBODY = ("none", "null", "nil", "n/a", "na", "-", "?", "unknown", "tbd", "todo", "undefined", "untagged")
_USER_PREFIX = re.compile(r"^user[:_]")
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_SHORT = 7


@dataclass(frozen=True)
class Rule:
    """Charges that match every condition given belong to the values given; both by name of a field or dimension.

    Conditions: provider, account (id or name), region, namespace: equal. service_name, resource: regular expressions
    (RE2), found anywhere in the name. `override`: counts before the tags.
    """

    when: tuple[tuple[str, str], ...]
    set: tuple[tuple[str, str], ...]
    override: bool = False


@dataclass(frozen=True)
class Allocation:
    """The rules of `[allocation]`. Tag keys in order: of several, the first filled one counts.

    With `near_miss`, keys that differ only in case, separators or a slip of the pen count too, after the exact one;
    values are brought to the spelling of `values` (dimension -> canonical -> other spellings).
    """

    team: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    near_miss: bool = True
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def keys_of(self, dimension: str) -> tuple[str, ...]:
        """The configured tag keys of a dimension."""
        keys: tuple[str, ...] = getattr(self, dimension)
        return keys

    def matches(self, dimension: str, present: Iterable[str]) -> list[tuple[str, str, str]]:
        """Which of the tag keys that are there tell a dimension: (key, configured key, how), in order of precedence.

        `how` is exact, spelling (case, separators, the prefix user:) or near miss. A key that another dimension is
        configured with is never a near miss of this one. It depends on each key alone, so all loads agree.
        """
        configured = self.keys_of(dimension)
        elsewhere = {_folded(key) for name in DIMENSIONS for key in self.keys_of(name) if name != dimension}
        there = sorted(set(present))
        found: dict[str, tuple[str, str]] = {}
        for key in configured:
            if key in there:
                found.setdefault(key, (key, "exact"))
            if not self.near_miss:
                continue
            for other in there:
                if _folded(other) == _folded(key):
                    found.setdefault(other, (key, "spelling"))
            for other in there:
                if _folded(other) not in elsewhere and is_near_miss(_folded(other), _folded(key)):
                    found.setdefault(other, (key, "near miss"))
        return [(key, *how) for key, how in found.items()]

    def tag_sets(self, present: Iterable[str]) -> str:
        """SQL columns of a table with a Tags text: the raw value of each dimension, and x_Namespace."""
        present = list(present)
        columns = [
            f"{_first_tag([key for key, _, _ in self.matches(name, present)])} AS {column}"
            for name, column in DIMENSIONS.items()
        ]
        return ", ".join([*columns, f"{_first_tag([key for key in NAMESPACE_TAGS if key in present])} AS x_Namespace"])

    def canonical(self, dimension: str, value: str) -> str | None:
        """A tag's value as it is to be counted; None for one that names nobody (blank, "none", Google's kube:…)."""
        plain = value.strip()
        known = self.values.get(dimension, {})
        folded = plain.casefold()
        if not plain or plain.startswith(KUBE_REST) or folded in NOBODY:
            return None
        for name, others in known.items():
            if folded == name.casefold() or folded in (other.casefold() for other in others):
                return name
        if self.near_miss:
            near = [name for name in known if is_near_miss(_folded(plain), _folded(name))]
            if len(near) == 1:
                return near[0]
        return plain

    def row_columns(self) -> str:
        """SQL of the four dimensions and x_Namespace of a charge (alias charges) joined to its tag set (tag_sets)."""
        columns = []
        for name, column in DIMENSIONS.items():
            parts = [
                *self._cases(name, override=True), f"tag_sets.{quote(column)}", *self._cases(name, override=False)
            ]  # fmt: skip
            columns.append(f"{parts[0] if len(parts) == 1 else 'COALESCE(' + ', '.join(parts) + ')'} AS {column}")
        return ", ".join([*columns, f"{_NAMESPACE} AS x_Namespace"])

    def _cases(self, dimension: str, *, override: bool) -> list[str]:
        branches = [
            f"WHEN {' AND '.join(_condition(name, value) for name, value in rule.when)} THEN {literal(given)}"
            for rule in self.rules
            if rule.override is override
            for key, given in rule.set
            if key == dimension
        ]
        return [f"CASE {' '.join(branches)} END"] if branches else []

    def fingerprint(self, *sql: str) -> str:
        """Changes when the rules, or the SQL that they are used with, change."""
        keys = [self.keys_of(name) for name in DIMENSIONS]
        values = {name: dict(spelled) for name, spelled in self.values.items()}
        facts = [keys, self.near_miss, values, self.row_columns(), NAMESPACE_TAGS, NOBODY, *sql]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _condition(name: str, value: str) -> str:
    text = literal(value)
    if name == "account":
        return f"(charges.SubAccountId = {text} OR charges.SubAccountName = {text})"
    if name == "resource":
        matched = [
            f"regexp_matches(COALESCE(charges.{column}, ''), {text})" for column in ("ResourceId", "ResourceName")
        ]
        return f"({' OR '.join(matched)})"
    if name == "service_name":
        return f"regexp_matches(charges.ServiceName, {text})"
    if name == "namespace":
        return f"COALESCE({_NAMESPACE}, '') = {text}"
    column = {"provider": "ProviderName", "region": "RegionId"}[name]
    return f"COALESCE(charges.{column}, '') = {text}"


def _first_tag(keys: Sequence[str]) -> str:
    if not keys:
        return "CAST(NULL AS VARCHAR)"
    pointers = [literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys]
    found = f"json_extract_string(Tags, [{', '.join(pointers)}])"
    return "COALESCE(" + ", ".join(f"NULLIF(trim({found}[{i + 1}]), '')" for i in range(len(keys))) + ")"


def _folded(text: str) -> str:
    """Lower case without separators and without AWS's prefix of user tags."""
    return _NOT_ALNUM.sub("", _USER_PREFIX.sub("", text.casefold()))


def is_near_miss(text: str, name: str) -> bool:
    """Whether a folded text is a slip of the pen of a folded name, and not another word.

    Same first letter; below seven letters one letter more, fewer or two swapped (term is no team), else two slips of
    any kind (optimal string alignment distance).
    """
    if text == name or not text or text[0] != name[0] or len(name) < 4:
        return False
    if len(name) < _SHORT:
        return (sorted(text) == sorted(name) and _distance(text, name) == 1) or (
            abs(len(text) - len(name)) == 1 and _distance(text, name) == 1
        )  # fmt: skip
    return abs(len(text) - len(name)) <= 2 and _distance(text, name) <= 2


def _distance(a: str, b: str) -> int:
    """Optimal string alignment: inserted, dropped, changed letters and swapped neighbours."""
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
