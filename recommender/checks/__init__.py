"""Checks, a file each: they look at a fleet and propose actions with evidence. What an action saves, the plan says."""
