"""The whole company into one folder: exports, feeds, the configuration that reads them, and the truth beside them.

Two processes write side by side: AWS in one, everything else in the other. The order changes no byte.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from core import KifayatError
from demo import feeds
from demo.aws_bill import AwsInc, AwsIndia
from demo.aws_export import write_aws
from demo.azure import write_azure
from demo.company import PLATFORM, SERVICES, TEAMS, Company, Dollar
from demo.gcp import write_gcp
from demo.gcp_feeds import inventory, utilization
from demo.invoices import Invoice, write_invoices
from demo.truth import Truth
from demo.users import Users

TRUTH = "truth"
CONFIG = "kifayat.toml"
Say = Callable[[str], None]
Written = tuple[Truth, list[Invoice]]

_CONFIG = """\
# {name}: a NEET-prep company that does not exist. Written by `kifayat demo`; delete the folder to start over.

[company]
name = "{name}"

[storage]
directory = "store"
keep_months = 120
{exports}
# Who owns what: tags first; what they do not say, accounts and names do.
[allocation]
team = ["team"]
environment = ["env", "environment"]
product = ["product"]

[allocation.values.service]
user = []
content = []
analytics = []
assessment = []
communication = []
payment = []
platform = ["shared", "monitoring"]

[allocation.values.team]
{teams}

# Pods say their namespace; whose namespace it is stands here.
{namespaces}
[[allocation.rules]]
when = {{ account = "666677778888" }}
set = {{ service = "platform", team = "platform", environment = "prod" }}

[[allocation.rules]]
when = {{ account = "444455556666" }}
set = {{ environment = "dev" }}

[[allocation.rules]]
when = {{ account = "333344445555" }}
set = {{ environment = "staging" }}

# NAT gateways, load balancers, logs and clusters' control planes: everybody's, so everybody pays by own cost.
[[allocation.shared]]
name = "platform"
when = {{ service = "platform" }}
to = "service"
method = "proportional"

[[budgets]]
name = "All infrastructure"
financial_year = 2025
amount_inr = {before}

[[budgets]]
name = "All infrastructure"
financial_year = 2026
amount_inr = {budget}

[[budgets]]
name = "Content"
financial_year = 2026
amount_inr = {content}
service = "content"

[[budgets]]
name = "Google Cloud"
financial_year = 2026
amount_inr = {google}
provider = "Google Cloud"

[season]
exams = [2022-07-17, 2023-05-07, 2024-05-05, 2025-05-04, 2026-05-03, 2027-05-02]

[fx]
priority = ["fx"]
max_gap_days = 14 # the rates end on 21 August 2026, the open month on the 31st
"""
#: Folders that may be written, in the order of the configuration.
_EXPORTS = (
    "aws-india", "aws-india-2", "aws-inc", "gcp-standard", "gcp", "azure", "fx", "invoices", "users", "utilization",
    "inventory",
)  # fmt: skip


def write_company(folder: Path, company: Company, say: Say) -> Truth:
    """Write everything into a new or empty folder. Raises KifayatError if something is in it."""
    if folder.exists() and any(folder.iterdir()):
        raise KifayatError(
            "the folder is not empty", where=str(folder), expected="a new or empty folder for the company's files",
            fix="name another, or remove this one",
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool, context.Manager() as manager:
        told = manager.Queue()
        jobs = [pool.submit(partial(part, folder, company, told.put)) for part in (_aws, _others)]
        for job in jobs:
            job.add_done_callback(lambda _: told.put(None))
        done = 0
        while done < len(jobs):
            text = told.get()
            done += text is None
            if text:
                say(text)
        (aws, aws_invoices), (others, other_invoices) = (job.result() for job in jobs)
    write_invoices(folder, [*aws_invoices, *other_invoices])
    aws.absorb(others)
    aws.write(folder / TRUTH, Users(company))
    (folder / CONFIG).write_text(_config(folder, company), encoding="utf-8")
    return aws


def _aws(folder: Path, company: Company, say: Say) -> Written:
    users, truth = Users(company), Truth()
    india = AwsIndia(company, users, truth)
    invoices = write_aws(folder, company, india, AwsInc(company, users, truth), truth, Dollar(), say)
    india.tell_truth()
    say("writing how busy machines of AWS were")
    feeds.write_utilization(folder / "utilization", "aws", india.utilization(), truth)
    feeds.write_inventory(folder / "inventory", "aws", india.inventory(), truth)
    return truth, invoices


def _others(folder: Path, company: Company, say: Say) -> Written:
    users, truth, dollar = Users(company), Truth(), Dollar()
    invoices = write_gcp(folder, company, users, truth, dollar, say)
    say("writing Azure")
    write_azure(folder, company, users, truth, dollar)
    say("counting students")
    feeds.write_users(folder / "users", company, users, truth)
    feeds.write_rates(folder / "fx")
    feeds.write_utilization(folder / "utilization", "gcp", utilization(company, users), truth)
    feeds.write_inventory(folder / "inventory", "gcp", inventory(company), truth)
    return truth, invoices


def _config(folder: Path, company: Company) -> str:
    exports = "".join(
        f'\n[[exports]]\nname = "{name}"\nlocation = "{name}"\n' for name in _EXPORTS if (folder / name).exists()
    )
    return _CONFIG.format(
        name="Pragati NEET Prep (demo)",
        exports=exports,
        teams="\n".join(f"{team} = []" for team in sorted(set(TEAMS.values()))),
        namespaces="".join(
            f'[[allocation.rules]]\nwhen = {{ namespace = "{name}" }}\n'
            f'set = {{ team = "{TEAMS[service]}", service = "{service}", environment = "prod" }}\n\n'
            for name, service in {**{name: name for name in SERVICES}, "monitoring": PLATFORM}.items()
        ),
        before=f"{5_20_00_000 * company.scale}",
        budget=f"{6_80_00_000 * company.scale}",
        content=f"{2_30_00_000 * company.scale}",
        google=f"{1_15_00_000 * company.scale}",
    )
