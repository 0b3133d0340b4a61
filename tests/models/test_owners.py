"""Who probably owns what nobody tagged: neighbours vote, and where they do not agree nothing is proposed."""

from __future__ import annotations

import time

from models.owners import Proposal, Resource, propose


def resource(name: str, team: str | None = None, service: str | None = None, **more: str) -> Resource:
    """A machine of one account and region unless told otherwise."""
    facts = {"id": f"i-{name}", "account": "prod", "service_name": "Amazon EC2", "region": "ap-south-1"} | more
    return Resource(name=name, team=team, service=service, **facts)


def proposed(*resources: Resource) -> list[Proposal]:
    return propose(resources)


def test_neighbours_with_the_same_words_in_their_names_vote():
    neighbours = [resource(f"test-engine-{n}", "assessment", "assessment") for n in range(4)]
    others = [resource(f"user-api-{n}", "identity", "user") for n in range(4)]
    [found] = proposed(resource("test-engine-9"), *neighbours, *others)
    assert (found.team, found.service) == ("assessment", "assessment")
    assert found.confidence > 0.6
    assert found.evidence.startswith("4 of 4 resources in account prod with engine")


def test_without_neighbours_nothing_is_proposed():
    assert proposed(resource("lonely")) == []
    assert proposed(resource("lonely"), resource("x-far", "a", account="dev")) == []
    assert proposed(resource("engine-1"), resource("engine-2", "a")) == []


def test_a_tie_is_no_answer():
    assert proposed(resource("api-3"), resource("api-1", "a"), resource("api-2", "b")) == []


def test_names_of_nobody_fall_back_to_the_same_service_and_region():
    cache = {"service_name": "Amazon ElastiCache", "region": "ap-south-1"}
    owned = [resource("", "assessment", "assessment", id=f"c{n}", **cache) for n in range(5)]
    [found] = proposed(resource("", id="c9", **cache), *owned)
    assert found.team == "assessment"
    assert "5 of 5 resources of Amazon ElastiCache in ap-south-1" in found.evidence


def test_what_has_an_owner_needs_none_and_the_order_does_not_matter():
    machines = [resource(f"test-engine-{n}", "assessment") for n in range(4)]
    assert proposed(*machines) == []
    one = proposed(resource("test-engine-9"), *machines)
    assert one == proposed(*reversed(machines), resource("test-engine-9"))


def test_hostile_names_are_words_like_others():
    hostile = "<script>alert(1)</script>'; DROP TABLE charges; --"
    assert proposed(resource(hostile)) == []
    [found] = proposed(resource(hostile), *(resource(hostile, "a", id=f"x{n}") for n in range(3)))
    assert found.team == "a"


def test_ten_thousand_resources_take_seconds_at_most():
    many = [resource(f"svc{n % 50:02d}worker-{n}", f"team{n % 50}", id=f"i-{n}") for n in range(9_000)]
    unknown = [resource(f"svc{n % 50:02d}worker-x{n}", id=f"u-{n}") for n in range(1_000)]
    started = time.monotonic()
    propose([*many, *unknown])
    assert time.monotonic() - started < 20  # a guard against a quadratic mistake, not a benchmark
