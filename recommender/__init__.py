"""What to change: one bill simulator prices every proposal, so that savings are differences of two bills.

Reads what `models/`, `warehouse/` and `core/` offer; changes nothing in any cloud.
"""
