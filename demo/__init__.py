"""A NEET-prep company that does not exist: its exports in the providers' own formats, and the truth beside them.

Shares no code with `ingest/`: an error on one side must not hide on the other. It may import core/ alone.
"""
