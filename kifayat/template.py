"""The commented configuration that `kifayat init` writes."""

from __future__ import annotations

import json
from pathlib import Path

from core import ConfigError

_TEMPLATE = """\
# Kifayat. Three lines are enough to start; every other key shows its default.

[storage]
directory = "warehouse"
# keep_months = 36
# keep_generations = 3

# One section per export. Source, payer and format are found from the files.
[[exports]]
name = "billing"
location = {location}   # a folder, or s3://bucket/prefix
# source = "aws_cur"        # only if detection should not decide: see `kifayat list sources`
# shards = "all"            # without manifests: the whole folder is one delivery

# USD/INR and other rates: any file with the columns of `kifayat explain fx_rates`.
# [[exports]]
# name = "fx"
# location = "fx"

# [fx]
# priority = ["fx"]         # which export is trusted first
# max_gap_days = 7

# [allocation]              # tag keys, first match wins
# team = ["team", "Team"]
# environment = ["env", "environment"]
# product = ["service", "product"]

# [engine]
# memory_limit = "4GB"
# threads = 2

# [company]
# name = "Our company"
"""


def write_template(target: Path, location: str) -> None:
    """Write the template; an existing file is never overwritten."""
    if target.exists():
        raise ConfigError([f"{target} exists already and is not overwritten; move it away first"])
    target.write_text(_TEMPLATE.format(location=json.dumps(location)), encoding="utf-8")
