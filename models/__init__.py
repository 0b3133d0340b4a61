"""Explanations in numbers: why a cost changed, and what more users would cost.

Reads nothing and stores nothing; what it is given comes from a snapshot. Not for forecasts of a bill.
"""

from models.marginal import MarginalCost, marginal_lakh
from models.variance import EFFECTS, Effects, Kind, PoolCost, PoolVariance, Variance, split

__all__ = [
    "EFFECTS",
    "Effects",
    "Kind",
    "MarginalCost",
    "PoolCost",
    "PoolVariance",
    "Variance",
    "marginal_lakh",
    "split",
]
