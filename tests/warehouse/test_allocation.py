"""Whose a cost is: tags before rules, slips of the pen, containers, and shared cost with its reversal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bills import monthly_line, sp_covered, sp_fee
from owned import JULY, published, used

from warehouse.allocation import Allocation, Rule, is_near_miss

NODE = "i-0node"
POD = "arn:aws:eks:ap-south-1:444455556666:pod/prod/{}/{}/0a1b"


def owners(app, column: str = "x_Team", month: str = "2026-07-01") -> dict[str | None, Decimal]:
    """Direct cost by owner, before anything is distributed."""
    rows = app.query(f"SELECT {column}, SUM(x_EffectiveCostInr) FROM cost_daily GROUP BY 1").rows
    return dict(rows)


def after(app, column: str = "x_Service") -> dict[str | None, Decimal]:
    """Cost by owner when everything is distributed."""
    rows = app.query(f"SELECT {column}, SUM(x_EffectiveCostInr) FROM cost_allocated GROUP BY 1").rows
    return {name: amount for name, amount in rows if amount}


# -- tags -----------------------------------------------------------------------------------------------------------


def test_tags_count_whatever_their_case_and_prefix_and_the_exact_key_wins(tmp_path):
    lines = [
        used("1", resource_tags_user_team="a"),
        used("2", resource_tags_user_Team="b"),
        used("4", resource_tags_user_team="c", resource_tags_user_Team="no"),
        used("8", resource_tags_user_tema="d"),
        used("16", resource_tags_user_term="no"),
    ]
    found = owners(published(tmp_path, lines))
    assert found == {"a": 1, "b": 2, "c": 4, "d": 8, None: 16}


def test_near_misses_can_be_switched_off(tmp_path):
    lines = [used("1", resource_tags_user_tema="a"), used("2", resource_tags_user_Team="b")]
    found = owners(published(tmp_path, lines, "[allocation]\nnear_miss = false\n"))
    assert found == {None: 3}


def test_how_each_key_was_matched_is_written_down(tmp_path):
    lines = [used("1", resource_tags_user_enviroment="prod"), used("1", resource_tags_user_Team="b")]
    app = published(tmp_path, lines)
    rows = app.query("SELECT x_Dimension, key, configured, match FROM tag_keys ORDER BY 1").rows
    assert rows == (("environment", "enviroment", "environment", "near miss"), ("team", "Team", "team", "spelling"))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("tema", "team", True),
        ("teams", "team", True),
        ("term", "team", False),
        ("steam", "team", False),
        ("tea", "team", True),
        ("enviroment", "environment", True),
        ("envrionmnt", "environment", True),
        ("assesment", "assessment", True),
        ("payments", "content", False),
        ("env", "environment", False),
        ("own", "owner", False),
    ],
)
def test_a_slip_of_the_pen_is_not_another_word(text, name, expected):
    assert is_near_miss(text, name) is expected


def test_values_are_brought_to_one_spelling(tmp_path):
    lines = [
        used(str(2**n), resource_tags_user_environment=value)
        for n, value in enumerate(["prod", "Production", " PROD ", "uat", "elsewhere"])
    ]
    found = owners(published(tmp_path, lines), "x_Environment")
    assert found == {"prod": 7, "staging": 8, "elsewhere": 16}


def test_a_near_miss_of_a_known_value_counts_as_it_and_blank_is_nobody(tmp_path):
    lines = [used("1", resource_tags_user_service="assesment"), used("2", resource_tags_user_service="  ")]
    app = published(tmp_path, lines, "[allocation.values.service]\nassessment = []\n")
    assert owners(app, "x_Service") == {"assessment": 1, None: 2}


# -- rules ----------------------------------------------------------------------------------------------------------

RULES = """
[[allocation.rules]]
when = { account = "444455556666" }
set = { team = "by-account", environment = "dev" }
[[allocation.rules]]
when = { resource = "^db-" }
set = { team = "by-name" }
[[allocation.rules]]
when = { resource = "^vault-", account = "444455556666" }
set = { team = "security" }
override = true
"""


def test_an_override_beats_tags_tags_beat_rules_and_the_first_rule_wins(tmp_path):
    lines = [
        used("1", line_item_resource_id="db-1"),
        used("2", line_item_resource_id="db-2", resource_tags_user_team="tagged"),
        used("4", line_item_resource_id="vault-1", resource_tags_user_team="tagged"),
        used("8", line_item_resource_id="db-3", line_item_usage_account_id="999999999999"),
        used("16", line_item_resource_id="x", line_item_usage_account_id="999999999999"),
    ]
    app = published(tmp_path, lines, RULES)
    assert owners(app) == {"by-account": 1, "tagged": 2, "security": 4, "by-name": 8, None: 16}
    assert owners(app, "x_Environment") == {"dev": 7, None: 24}


def test_a_namespace_tells_the_service_of_pods(tmp_path):
    rules = '[[allocation.rules]]\nwhen = { namespace = "exam" }\nset = { service = "assessment" }\noverride = true\n'
    app = published(tmp_path, [used("10", line_item_resource_id=NODE), *pods(exam="6", web="2")], rules)
    rows = app.query("SELECT x_Namespace, x_Service FROM allocated WHERE x_SplitCost > 0 ORDER BY 1").rows
    assert rows == (("exam", "assessment"), ("web", None))


def test_charges_one_by_one_have_the_owners_of_the_marts(tmp_path):
    lines = [used("1", line_item_resource_id="db-1"), used("2", resource_tags_user_Team="tagged"), used("4")]
    app = published(tmp_path, lines, RULES)
    query = "SELECT x_Team, SUM(x_EffectiveCostInr) FROM {} GROUP BY 1 ORDER BY 1"
    assert app.query(query.format("charges_inr")).rows == app.query(query.format("cost_daily")).rows


def test_hostile_values_do_nothing_in_rules_and_tags(tmp_path):
    value = "'; DROP TABLE charges; --"
    rules = f'[[allocation.rules]]\nwhen = {{ account = "{value}" }}\nset = {{ team = "{value}" }}\n'
    app = published(tmp_path, [used("1", resource_tags_user_team=value), used("2")], rules)
    assert owners(app) == {value: 1, None: 2}


def test_other_rules_have_another_fingerprint():
    plain = Allocation(team=("team",))
    assert plain.fingerprint() == Allocation(team=("team",)).fingerprint()
    others = [
        Allocation(team=("Team",)),
        Allocation(team=("team",), near_miss=False),
        Allocation(team=("team",), values={"team": {"a": ("b",)}}),
        Allocation(team=("team",), rules=(Rule((("account", "1"),), (("team", "x"),)),)),
    ]
    assert len({plain.fingerprint(), *(other.fingerprint() for other in others)}) == 5


# -- containers -----------------------------------------------------------------------------------------------------


def pods(**costs: str):
    """Split lines of the pods of a node, one namespace each; the last line is what nobody used."""
    return [
        used(
            "0",
            line_item_product_code="AmazonEKS",
            line_item_operation="EKSPod-EC2",
            line_item_resource_id=POD.format(namespace, namespace),
            split_line_item_split_cost=cost,
            split_line_item_unused_cost="1",
            split_line_item_parent_resource_id=NODE,
            resource_tags_user_service=namespace if namespace != "web" else "",
        )
        for namespace, cost in costs.items()
    ]


def test_a_nodes_cost_goes_to_its_pods_and_the_rest_is_idle(tmp_path):
    node = used("20", line_item_resource_id=NODE, resource_tags_user_service="platform")
    app = published(tmp_path, [node, *pods(exam="6", chat="2"), used("5", resource_tags_user_service="exam")])
    steps = app.query(
        "SELECT x_AllocationStep, x_Service, SUM(x_EffectiveCostInr) FROM cost_allocated"
        " WHERE x_AllocationStep IN ('nodes', 'pods', 'idle') GROUP BY 1, 2 ORDER BY 1, 2"
    ).rows
    # 6 and 2 of 10 are used: the node's 20 rupees go to them in that proportion, 4 rupees are idle
    assert steps == (("idle", "platform", 4), ("nodes", "platform", -20), ("pods", "chat", 4), ("pods", "exam", 12))
    assert after(app) == {"exam": 17, "chat": 4, "platform": 4}


def test_a_node_that_cost_nothing_and_pods_without_a_node_move_nothing(tmp_path):
    app = published(tmp_path, [used("0", line_item_resource_id=NODE), *pods(exam="6"), used("3")])
    assert after(app) == {None: 3}
    (tmp_path / "other").mkdir()
    other = published(tmp_path / "other", [*pods(exam="6"), used("3")])
    assert after(other) == {None: 3}


# -- shared cost ----------------------------------------------------------------------------------------------------


def shared(method: str, to: str = "service", **more: str) -> str:
    extra = "".join(f"{key} = {value}\n" for key, value in more.items())
    return (
        f'[[allocation.shared]]\nname = "platform"\nwhen = {{ service = "platform" }}\nto = "{to}"\n'
        f'method = "{method}"\n{extra}'
    )


BILL = [
    used("10", resource_tags_user_service="platform"),
    used("30", resource_tags_user_service="user", resource_tags_user_product="neet"),
    used("50", resource_tags_user_service="content", resource_tags_user_product="tests"),
    used("20"),
]


def test_shared_cost_is_distributed_by_own_cost_and_the_unallocated_row_takes_its_own(tmp_path):
    app = published(tmp_path, BILL, shared("proportional"))
    assert after(app) == {"user": 33, "content": 55, None: 22}
    moved = app.query("SELECT SUM(x_EffectiveCostInr) FROM cost_allocated WHERE x_AllocationStep = 'shared'").rows
    assert moved == ((0,),)


def test_shared_cost_is_distributed_evenly(tmp_path):
    assert after(published(tmp_path, BILL, shared("even"))) == {"user": 35, "content": 55, None: 20}


def test_shared_cost_is_distributed_by_fixed_shares(tmp_path):
    app = published(tmp_path, BILL, shared("fixed", shares="{ user = 1, content = 3, nobody = 6 }"))
    assert after(app) == {"user": Decimal("32.5"), "content": Decimal("57.5"), None: 20}


def test_shared_cost_is_distributed_by_users(tmp_path):
    users = "2026-07-01,neet,Bihar,mau,400\n2026-07-01,tests,Bihar,mau,100\n"
    app = published(tmp_path, BILL, shared("users", to="product"), users)
    assert after(app, "x_Product") == {"neet": 38, "tests": 52, None: 20}


def test_what_nobody_can_take_stays_where_it_is(tmp_path):
    app = published(tmp_path, BILL, shared("users", to="product"))
    assert after(app) == {"platform": 10, "user": 30, "content": 50, None: 20}


def test_a_third_is_split_without_losing_the_last_digit(tmp_path):
    lines = [used("0.000000000000000001", resource_tags_user_service="platform")]
    lines += [used("10", resource_tags_user_service="platform")]
    lines += [used("7", resource_tags_user_service=name) for name in ("a", "b", "c")]
    app = published(tmp_path, lines, shared("even"))
    found = after(app)
    assert sum(found.values()) == Decimal("31.000000000000000001")
    assert max(found.values()) - min(found.values()) < Decimal("0.00001")


def test_tax_unused_commitments_and_support_follow_own_cost_without_any_rule(tmp_path):
    rupees = {"line_item_currency_code": "INR", "bill_invoice_id": "IN-1"}
    lines = [
        used("30", resource_tags_user_service="user"),
        used("10", resource_tags_user_service="content"),
        monthly_line("Tax", "8", **rupees),
        monthly_line("Fee", "4", line_item_product_code="AWSSupportBusiness", **rupees),
        *sp_covered("4", "2", resource_tags_user_service="user", **rupees),
        sp_fee("6", commitment="6", used="2", **rupees),
    ]
    app = published(tmp_path, lines)
    parts = dict(app.query("SELECT x_CostPart, SUM(x_EffectiveCostInr) FROM cost_allocated GROUP BY 1").rows)
    assert parts == {"usage": 42, "unused": 4, "tax": 8, "shared": 4, "other": 0}
    whole = Decimal(42 + 16)
    found = after(app)
    assert found["user"] == pytest.approx(whole * 32 / 42, abs=Decimal("0.00001"))
    assert sum(found.values()) == whole


def test_a_month_of_nothing_but_tax_keeps_it_as_unallocated(tmp_path):
    app = published(tmp_path, [monthly_line("Tax", "8", line_item_currency_code="INR", bill_invoice_id="IN-1")])
    assert after(app) == {None: 8}


def test_a_negative_cost_takes_no_share(tmp_path):
    lines = [*BILL, used("-5", resource_tags_user_service="broken", at=JULY)]
    found = after(published(tmp_path, lines, shared("proportional")))
    assert found["broken"] == -5
    assert sum(found.values()) == 105


def test_a_word_for_nothing_is_nobody(tmp_path):
    lines = [used("1", resource_tags_user_team="none"), used("2", resource_tags_user_team="N/A"), used("4")]
    assert owners(published(tmp_path, lines)) == {None: 7}
