"""Who probably owns what nobody tagged: a vote of the tagged neighbours. A proposal with its evidence, never a fact.

Neighbours are resources of the same account: those with words of the name in common count by how many they share
(Jaccard index of the words), those of the same service and region a little. Pure Python, no database, no randomness.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: A proposal below this share of the vote, or with fewer voters, is none.
MIN_CONFIDENCE = 0.5
MIN_NEIGHBOURS = 2
#: What a neighbour of the same service and region counts, beside the words of its name.
_SAME_PLACE = 0.1
#: Words that every second resource has.
_COMMON = {
    "arn", "aws", "ec2", "rds", "vol", "snap", "eni", "ami", "the", "and", "com", "googleapis", "projects", "zones",
    "prod", "dev", "staging", "test",
}  # fmt: skip
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True)
class Resource:
    """A resource with what its tags say of it; `name` as people call it, empty if nobody gave one."""

    id: str
    name: str
    account: str
    service_name: str
    region: str
    team: str | None
    service: str | None


@dataclass(frozen=True)
class Proposal:
    """Who may own a resource. `confidence` is the share of the vote, lowered where few vote; 0 to 1."""

    resource_id: str
    team: str | None
    service: str | None
    confidence: float
    evidence: str


def propose(resources: Sequence[Resource]) -> list[Proposal]:
    """A proposal for each resource without a team, as far as its neighbours agree; in the order given.

    `resources` holds the owned ones too: they are the neighbours. Linear in the number of resources but for names
    that very many of them share.
    """
    owned = [resource for resource in resources if resource.team is not None]
    by_word: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_place: dict[tuple[str, str, str], Counter[tuple[str | None, str | None]]] = defaultdict(Counter)
    words = [_words(resource) for resource in owned]
    for index, resource in enumerate(owned):
        for word in words[index]:
            by_word[resource.account, word].append(index)
        by_place[_place(resource)][resource.team, resource.service] += 1
    found = []
    for resource in resources:
        if resource.team is None:
            proposal = _vote(resource, owned, words, by_word, by_place[_place(resource)])
            if proposal is not None:
                found.append(proposal)
    return found


def _vote(
    resource: Resource,
    owned: Sequence[Resource],
    words: Sequence[frozenset[str]],
    by_word: Mapping[tuple[str, str], list[int]],
    place: Mapping[tuple[str | None, str | None], int],
) -> Proposal | None:
    mine = _words(resource)
    shared: Counter[int] = Counter()
    for word in mine:
        # a word that hundreds of resources have tells nothing
        if len(by_word.get((resource.account, word), ())) <= 500:
            shared.update(by_word.get((resource.account, word), ()))
    votes: dict[tuple[str | None, str | None], float] = defaultdict(float)
    voters: Counter[tuple[str | None, str | None]] = Counter()
    for index, common in shared.items():
        owner = owned[index].team, owned[index].service
        votes[owner] += common / len(mine | words[index])
        voters[owner] += 1
    for owner, count in place.items():
        votes[owner] += _SAME_PLACE * min(count, 10)
    neighbours = (shared.total() and len(shared)) or sum(place.values())
    if not votes or neighbours < MIN_NEIGHBOURS:
        return None
    best = max(votes, key=lambda owner: (votes[owner], owner[0] or "", owner[1] or ""))
    confidence = votes[best] / sum(votes.values()) * neighbours / (neighbours + 1)
    if confidence < MIN_CONFIDENCE:
        return None
    return Proposal(resource.id, *best, round(confidence, 3), _evidence(resource, mine, shared, voters, best, place))


def _evidence(
    resource: Resource,
    mine: frozenset[str],
    shared: Mapping[int, int],
    voters: Mapping[tuple[str | None, str | None], int],
    best: tuple[str | None, str | None],
    place: Mapping[tuple[str | None, str | None], int],
) -> str:
    owner = " / ".join(part for part in best if part)
    if voters.get(best):
        return (
            f"{voters[best]} of {len(shared)} resources in account {resource.account} with"
            f" {', '.join(sorted(mine)[:3])} in their names belong to {owner}"
        )
    here = f"{resource.service_name} in {resource.region or 'no region'}"
    return f"{place[best]} of {sum(place.values())} resources of {here}, account {resource.account}, belong to {owner}"


def _words(resource: Resource) -> frozenset[str]:
    text = resource.name or resource.id.rpartition("/")[2].rpartition(":")[2]
    return frozenset(word for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource.account, resource.service_name, resource.region


def resources_of(rows: Iterable[Sequence[str | None]]) -> list[Resource]:
    """Rows of id, name, account, service name, region, team, service as resources; None becomes empty text."""
    return [
        Resource(id or "", name or "", account or "", service_name or "", region or "", team, service)
        for id, name, account, service_name, region, team, service in rows
    ]
