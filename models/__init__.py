"""What is estimated: users and cost to come, why a cost changed, what more users would cost, who probably owns what.

Fills the estimated tables of a generation (`models.unit_cost`, `models.forecast`). Not for sums, which are marts. What
needs scikit-learn (the forecast, `models.marginal`) is imported by name: it takes a second that most readers can save.
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
