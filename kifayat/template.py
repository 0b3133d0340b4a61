"""The commented configuration that `kifayat init` writes."""

from __future__ import annotations

import json
from pathlib import Path

from core import ConfigError

_TEMPLATE = """\
# Kifayat. Three lines are enough to start; what is commented out shows a default or, where it says so, an example.

[storage]
directory = "storage"
# keep_months = 36
# keep_generations = 3

# One section per export. Source, payer and format are found from the files.
[[exports]]
name = "billing"
location = {location}   # a folder, or s3://bucket/prefix
# shards = "numbered"       # without manifests: names that differ by a number are one delivery; "all": the folder is
# source = "aws_cur"        # example; only if detection should not decide: see `kifayat list sources`
# payer = "111122223333"    # example; only where the files do not say whose bill they are
# profile = "billing"       # example, for s3://: the AWS profile
# region = "ap-south-1"     # example, for s3://
# endpoint = "https://…"    # example, for s3:// that is not Amazon's

# USD/INR and other rates: any file with the columns of `kifayat explain fx_rates`.
# [[exports]]               # example
# name = "fx"
# location = "fx"

# Active users, as a file with the columns of `kifayat explain active_users`, or asked for: counts only, never people.
# [[exports]]               # example
# name = "users"
# location = "postgresql://reader@host/app"   # or duckdb:///file, sqlite:///file, prometheus+https://host
# query = "SELECT active_on, metric, product, active_users FROM users_by_day"
# password_env = "READER_PASSWORD"            # the name of a variable; for Prometheus token_env

# Asked instead of read: `kifayat connect aws` and `kifayat connect gcp` print what the cloud must allow, and these
# sections with your own names (docs/connect.md).
# [[connections]]           # example
# name = "india"
# kind = "aws"
# role_arn = "arn:aws:iam::111122223333:role/kifayat-read"   # or profile; or nothing: the machine's own role
# external_id = {{ env = "KIFAYAT_EXTERNAL_ID" }}
# accounts = ["222233334444"]                 # others that are read, through their role of this name
# role = "kifayat-read"
# regions = ["ap-south-1", "ap-southeast-1"]
# endpoints = {{ ec2 = "https://vpce-….ec2.ap-south-1.vpce.amazonaws.com" }}   # of a VPC; "*" is every service
# max_requests = 20000      # of one pull of one export
# [[exports]]               # example; `kifayat connect aws` prints all of them
# name = "aws-accounts"
# location = "aws://accounts"
# connection = "india"
# every_hours = 24
# [[connections]]           # example
# name = "google"
# kind = "gcp"
# billing_account = "012345-6789AB-CDEF01"
# projects = ["pragati-prod"]
# impersonate = "kifayat-read@pragati-billing.iam.gserviceaccount.com"        # or credentials_file; never a key in here
# max_gib_billed = 100      # of one query of BigQuery

# [fx]
# priority = ["fx"]         # example: which export is trusted first
# max_gap_days = 7          # an older rate is no rate

# [allocation]              # example: tag keys, the first that is filled counts; case and separators do not matter
# team = ["team", "owner"]
# service = ["service", "app"]
# [allocation.values.environment]   # one spelling for many
# prod = ["production", "prd"]
# [[allocation.rules]]              # where tags say nothing; with override = true whatever they say
# when = {{ account = "666677778888" }}
# set = {{ team = "platform", service = "platform" }}
# [[allocation.shared]]             # cost of all: even, proportional, fixed (with shares) or users
# name = "platform"
# when = {{ service = "platform" }}
# method = "proportional"

# [targets]
# cost_per_user_inr = 5
# yearly_reduction_pct = 25
# tag_coverage_pct = 95

# [[budgets]]               # example: April 2026 to March 2027, following the season
# name = "Infrastructure"
# financial_year = 2026
# amount_inr = 5_00_00_000
# owner = "cto@example.in"  # who answers for it; else its team

# [alerts]                  # per cent of a budget: spent, forecast at the end of the year, and of the plan to date
# actual_pct = [80, 100]
# forecast_pct = [100]
# pace_pct = [110]
# anomaly_min_inr = 5000
# stale_ingest_hours = 36
# stale_bills_hours = 96
# quiet_from = 22:00:00     # example: IST; what is urgent is told at any hour
# quiet_until = 07:00:00    # example
# group_minutes = 5         # alerts of one topic in one message

# [[credits]]               # example: no bill tells what is left of a credit, or until when
# name = "Activate"         # a part of its description in the bill
# amount = 25_000           # all that was granted, in the currency of the bill
# expires_on = 2027-03-31

# [season]
# release_days = [[2026-09-07, 2026-09-11]]   # example: first and last days on which non-production stays on

# [report]
# page_url = "https://cost.example.in"        # example: where the mails point to
# wait_hours = 24           # for bills that do not hold the whole week yet; then it is told what is missing

# [[channels]]              # example; others: `kifayat list channels`, and `kifayat notify test finance-mail` tries one
# name = "finance-mail"
# kind = "email"
# topics = ["finance", "operations"]          # and engineering; all if not said
# min_severity = "info"     # warning, error, critical
# host = "smtp.example.in"
# sender = "Kifayat <kifayat@example.in>"
# to = ["cfo@example.in"]
# username = "kifayat"
# password = {{ env = "SMTP_PASSWORD" }}      # never the secret itself; or a file

# [engine]                  # example; the defaults are 80 % of the memory, all cores and <directory>/spill
# memory_limit = "4GB"
# threads = 2
# temp_directory = "spill"

# [dashboard]
# port = 8501
# address = "127.0.0.1"     # this machine only

# [service]                 # `kifayat serve`; times are IST
# metrics_address = "127.0.0.1"   # of /healthz and /metrics
# metrics_port = 9464
# backup_directory = "backups"    # example: an archive every night; without it there is none
# keep_backups = 7
# [service.jobs]            # example: five fields, or "off"; `kifayat jobs` lists the names
# ingest = "0 * * * *"

# [company]
# name = "Our company"      # example
# regulated_services = ["user", "payment"]    # their data is never proposed for a region abroad
# reporting_currency = "INR"
"""


def write_template(target: Path, location: str) -> None:
    """Write the template; an existing file is never overwritten."""
    if target.exists():
        raise ConfigError([f"{target} exists already and is not overwritten; move it away first"])
    target.write_text(_TEMPLATE.format(location=json.dumps(location, ensure_ascii=False)), encoding="utf-8")
