"""Explanations in numbers: why a cost changed, what more users would cost, who probably owns what nobody tagged.

Fills the estimated tables of a generation (`models.unit_cost`). Not for sums, which are marts, nor for forecasts.
`models.marginal` is imported by name: scikit-learn takes a second to load, and most readers do not need it.
"""

from models.owners import Proposal, Resource, propose
from models.variance import EFFECTS, Effects, Kind, PoolCost, PoolVariance, Variance, split

__all__ = [
    "EFFECTS",
    "Effects",
    "Kind",
    "PoolCost",
    "PoolVariance",
    "Proposal",
    "Resource",
    "Variance",
    "propose",
    "split",
]
