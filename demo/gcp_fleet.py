"""What the company runs on Google Cloud: projects, machines, databases, and how busy they are, hour by hour.

Machines at scale s are s times as many, each with a number. Names of resources as the detailed export has them.
"""

# ruff: noqa: E501 - the tables of machines read best with one row a line

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np

from demo.company import TEAMS, Company
from demo.gcp_line import Clock, Labels, Resource
from demo.gcp_skus import size_of
from demo.users import Users

REGION, ZONE = "asia-south1", "asia-south1-a"


@dataclass(frozen=True)
class Project:
    """A project; its first day has no name in the export."""

    number: str
    name: str
    since: date
    labels: Labels


PROJECTS = {
    "pragati-content": Project("415000000001", "Pragati Content", date(2022, 4, 4), (("env", "prod"), ("product", "neet"))),
    "pragati-analytics": Project("415000000002", "Pragati Analytics", date(2022, 6, 1), (("env", "prod"),)),
    "pragati-doubts": Project("415000000003", "Pragati Doubts", date(2024, 6, 11), (("env", "prod"), ("product", "neet"))),
    # quotes and exclamation marks are allowed in names of projects
    "pragati-dev": Project("415000000004", "Pragati \"Dev\" - don't panic!", date(2022, 4, 4), (("env", "dev"),)),
    "pragati-shared": Project("415000000005", "Pragati Shared", date(2025, 2, 3), ()),
}  # fmt: skip


def good(service: str, env: str = "prod", product: str = "neet") -> Labels:
    """Labels as the company wants them."""
    return (("env", env), ("product", product), ("service", service), ("team", TEAMS[service]))


#: Labels as they also are: keys and values misspelt, and what Google allows but nobody expects.
MISSPELT: Labels = (("Env", "Production"), ("srvice", "analytics"), ("team", "dta"))
OLD_KEYS: Labels = (("environment", "prd"), ("owner", "content-platform"), ("service", "Content"))
HOSTILE: Labels = (
    ("env", "null"), ("note", "بيانات-ابو"), ("purpose", "पढ़ाई_और_संदेह"), ("service", ""), ("team", "none"), ("x", "-" * 63),
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A virtual machine or a database. `runs` and `busy` name patterns of `Rhythm`."""

    name: str
    project: str
    type: str
    runs: str
    busy: str
    #: CPU percent when nothing happens, and how much more when `busy` is 1.
    idle_cpu: float
    busy_cpu: float
    memory: float
    labels: Labels
    owner: str = ""
    state: str = ""
    detail: str = ""
    right_size: str = ""
    activity: str = ""
    since: date = date(2022, 6, 1)
    is_fine: bool = False

    @property
    def is_database(self) -> bool:
        """Whether it is a Cloud SQL instance (type db-custom-<vCPU>-<MiB>)."""
        return self.type.startswith("db-")

    @property
    def size(self) -> tuple[float, float]:
        """vCPUs and GiB."""
        if self.is_database:
            _, _, cores, mib = self.type.split("-")
            return float(cores), float(mib) / 1024
        return size_of(self.type)

    @property
    def resource(self) -> Resource:
        """Its names."""
        if self.is_database:
            return Resource(self.name, f"cloudsql.googleapis.com/projects/{self.project}/instances/{self.name}")
        number = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:7], "big") + 10**18
        path = f"compute.googleapis.com/projects/{self.project}/zones/{ZONE}/instances/{number}"
        return Resource(self.name, path, ZONE)

    @property
    def resource_id(self) -> str:
        """The global name."""
        return "//" + self.resource.path


_OFFICE = "Mon-Fri 09:30-21:00 IST"
_DEV = good("user", "dev", "shared")
#: At scale 1; "#" becomes a number, and only machines with it multiply.
_MACHINES = (
    Machine("encoder-large-#", "pragati-content", "n2-standard-16", "always", "content", 22, 34, 48, good("content"), is_fine=True),
    Machine("encoder-#", "pragati-content", "n2-standard-8", "always", "content", 18, 30, 44, good("content"), is_fine=True),
    Machine("encoder-burst-#", "pragati-content", "n2-standard-8", "peak", "content", 30, 30, 52, OLD_KEYS, "content-platform/content", "untagged", "keys nobody reads", is_fine=True),
    Machine("superset-#", "pragati-analytics", "e2-standard-8", "always", "office", 3, 7, 21, good("analytics", product="shared"), state="oversized", detail="never above 15 % of 8 vCPU", right_size="e2-standard-4"),
    Machine("etl-runner-#", "pragati-analytics", "e2-standard-8", "nightly", "always", 70, 15, 60, MISSPELT, "data/analytics", "spotable", "a batch that can begin again, on demand", activity="daily 01:00-05:00 IST"),
    Machine("doubts-ocr-#", "pragati-doubts", "g2-standard-8", "evening", "assessment", 15, 40, 55, good("assessment"), since=date(2024, 6, 11), is_fine=True),
    Machine("dev-#a", "pragati-dev", "e2-standard-4", "always", "office", 2, 38, 45, _DEV, state="schedulable", detail="runs all night", activity=_OFFICE),
    Machine("dev-#b", "pragati-dev", "e2-standard-4", "always", "office", 2, 31, 40, good("assessment", "dev", "shared"), state="schedulable", detail="runs all night", activity=_OFFICE),
    Machine("dev-#c", "pragati-dev", "e2-standard-4", "always", "office", 2, 25, 38, (), "identity/user", "schedulable", "runs all night, without labels", activity=_OFFICE),
    Machine("qa-runner-#", "pragati-dev", "e2-standard-4", "always", "office", 3, 45, 35, good("platform", "staging", "shared"), state="schedulable", detail="tests run in office hours", activity=_OFFICE),
    Machine("gpu-notebook", "pragati-dev", "g2-standard-8", "notebook", "always", 5, 40, 30, good("analytics", "dev", "shared"), since=date(2023, 2, 1)),
    Machine("legacy-proxy", "pragati-content", "e2-standard-2", "always", "always", 1, 0.5, 12, HOSTILE, "platform/platform", "idle", "nothing connects to it any more"),
    Machine("quiz-db", "pragati-content", "db-custom-4-16384", "always", "assessment", 14, 22, 62, good("assessment", product="test-series")),
    Machine("doubts-db-#", "pragati-doubts", "db-custom-4-16384", "always", "assessment", 12, 26, 66, good("assessment"), since=date(2024, 6, 11)),
    Machine("analytics-meta", "pragati-analytics", "db-custom-8-32768", "always", "analytics", 2, 3, 11, good("analytics", product="shared"), state="oversized", detail="never above 12 % of 8 vCPU", right_size="db-custom-2-8192"),
    Machine("legacy-reports", "pragati-analytics", "db-custom-2-7680", "always", "always", 1, 0.3, 15, (), "data/analytics", "idle", "no connection since 2024", since=date(2022, 11, 1)),
)  # fmt: skip


def machines(company: Company) -> list[Machine]:
    """All machines and databases."""
    from dataclasses import replace

    found = []
    for machine in _MACHINES:
        count = company.scale if "#" in machine.name else 1
        found += [replace(machine, name=machine.name.replace("#", str(n + 1))) for n in range(count)]
    return found


class Rhythm:
    """When machines run and how busy they are: hourly arrays over the hours of the account."""

    def __init__(self, clock: Clock, users: Users) -> None:
        self.clock = clock
        self._users = users
        self._loads: dict[str, np.ndarray] = {}

    def load(self, service: str) -> np.ndarray:
        """`users.load` from the first Pacific midnight on."""
        if service not in self._loads:
            self._loads[service] = self._users.load(service)[self.clock.skipped :]
        return self._loads[service]

    def pattern(self, name: str) -> np.ndarray:
        """1 in the hours of a named pattern, or a load."""
        hour, weekday = self.clock.ist_hour, self.clock.ist_weekday
        if name == "always":
            return np.ones(len(hour))
        if name == "office":
            return ((hour >= 9.5) & (hour < 21) & (weekday < 5)).astype(float)
        if name == "evening":
            return ((hour >= 8) & (hour < 23)).astype(float)
        if name == "nightly":
            return ((hour >= 1) & (hour < 5)).astype(float)
        if name == "notebook":
            return ((hour >= 11) & (hour < 16) & ((weekday == 1) | (weekday == 3))).astype(float)
        if name == "training":
            return ((hour >= 22) | (hour < 4)).astype(float)
        if name == "peak":
            # the day's mean, so that it does not stop and start every night
            busy = self.load("content")
            mean = np.convolve(np.pad(busy, (12, 11), "edge"), np.ones(24) / 24, "valid")
            return (mean > 1.3 * 1.12**self.clock.years).astype(float)
        return self.load(name)
