"""What `kifayat.toml` says as the warehouse wants it: allocation rules, and rows of tables that hold configuration."""

from __future__ import annotations

from core import Config
from warehouse import Allocation, Rule, Settings

#: Cost that nobody owns though all cause it, distributed by their own cost unless the configuration says otherwise:
#: (name, part of the cost, charge subcategory).
_BUILT_IN = (("commitments unused", "unused", None), ("tax", "tax", None), ("support", None, "Support"))


def allocation_of(config: Config) -> Allocation:
    """The rules that tell whose a charge is."""
    rules = config.allocation
    return Allocation(
        rules.team, rules.environment, rules.product, rules.service, rules.near_miss,
        {dimension: dict(spelled) for dimension, spelled in rules.values.items()},
        tuple(
            Rule(tuple(rule.when.model_dump(exclude_none=True).items()),
                 tuple(rule.set.model_dump(exclude_none=True).items()), rule.override)
            for rule in rules.rules
        ),
    )  # fmt: skip


def settings_of(config: Config) -> Settings:
    """Rows of shared_rules, shared_shares, targets, budgets, credits, exams, release_days and regulated_services."""
    shared = config.allocation.shared
    goals = config.targets
    owners = ("team", "environment", "product", "service")
    rules = [
        (index, rule.name, None, rule.when.provider, rule.when.service_name, rule.when.charge_category,
         rule.when.charge_subcategory, *(getattr(rule.when, name) for name in owners), rule.to, rule.method)
        for index, rule in enumerate(shared)
    ]  # fmt: skip
    rules += [
        (len(shared) + index, name, part, None, None, None, subcategory, None, None, None, None, "service",
         "proportional")
        for index, (name, part, subcategory) in enumerate(_BUILT_IN)
    ]  # fmt: skip
    return {
        "shared_rules": rules,
        "shared_shares": [(rule.name, value, share) for rule in shared for value, share in rule.shares.items()],
        "targets": [
            ("cost_per_user_inr", float(goals.cost_per_user_inr), True),
            ("yearly_reduction_per_user_pct", float(goals.yearly_reduction_pct), False),
            ("yearly_reduction_pct", float(goals.yearly_reduction_pct), False),
            ("tag_coverage_pct", float(goals.tag_coverage_pct), False),
            ("effective_savings_rate_pct", float(goals.effective_savings_rate_pct), False),
            ("waste_share_pct", float(goals.waste_share_pct), True),
            ("freshness_hours", float(goals.freshness_hours), True),
        ],
        "budgets": [
            (budget.name, budget.financial_year, budget.amount_inr, budget.provider,
             *(getattr(budget, name) for name in owners), budget.shape, budget.with_tax, budget.owner)
            for budget in config.budgets
        ],
        "credits": [(credit.name, credit.amount, credit.expires_on) for credit in config.credits],
        "exams": [(day,) for day in sorted(config.season.exams)],
        "regulated_services": [(service,) for service in config.company.regulated_services],
        "release_days": sorted(config.season.release_days),
    }  # fmt: skip
