"""Our forecast beside others, on real series that nobody here wrote and on the demo company: see `__main__`."""
