"""The same company twice: as a folder of files, and behind the APIs of its clouds.

    with Twin(folder) as twin:                # as demo.write.write_company wrote it
        files, clouds = twin.config("files"), twin.config("clouds")

Both configurations name the same exports with the same contents, one folder for each or one address for each, so that
whatever is published from them must be equal. `bills()` and `feeds()` say which is which.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
from aws_server import AwsServer
from bigquery_server import BigQueryServer
from google_server import GoogleServer
from twin_aws import PROD, AwsCompany
from twin_gcp import GcpCompany
from twin_users import UsersServer

#: What only moto takes; a test or benchmark puts it into its environment.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "do-not-print-me",
    "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}  # fmt: skip
_EXPORTS = re.compile(r'\n\[\[exports\]\]\nname = "[^"]+"\nlocation = "[^"]+"\n')
_COUNTS = "SELECT active_on, product, state, metric, active_users FROM counts"


@dataclass(frozen=True)
class Export:
    """An export by its files (relative to the company's folder), and by its address with what else it says."""

    name: str
    files: tuple[str, ...]
    location: str = ""
    more: str = ""

    @property
    def is_asked(self) -> bool:
        """Whether an API serves it; else both read the files."""
        return bool(self.location)


class Twin:
    """The servers of one company. `first`: the first day of its bills; feeds are asked from there."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work
        self.aws = AwsServer()
        self.bigquery = BigQueryServer()
        self.google = GoogleServer()
        self.users = UsersServer(folder)
        self.aws_company = AwsCompany(self.aws, folder)
        self.gcp_company = GcpCompany(self.bigquery, self.google, folder)
        self.since = _first_measured(folder)

    def __enter__(self) -> Twin:
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.aws, self.bigquery, self.google, self.users):
            server.close()

    def exports(self) -> list[Export]:
        """Every export of the company."""
        india, inc, google = ('connection = "india"', 'connection = "inc"', 'connection = "google"')
        since = f"\nsince = {self.since}"
        tables = {name: f"bigquery://{table.replace('.', '/')}" for name, table in self.gcp_company.tables.items()}
        users = self.users.url.replace("http://", "prometheus+http://")
        query = f'query = "{_COUNTS}"'
        concurrent = f'query = "max by (product, state) (students)"{since}'
        return [
            Export("aws-india", ("aws-india",), "s3://pragati-billing/cur", india),
            Export("aws-india-2", ("aws-india-2",), "s3://pragati-billing/exports", india),
            Export("aws-inc", ("aws-inc",), "aws://exports", inc),
            *(Export(name, (name,), location, google) for name, location in tables.items()),
            Export("azure", ("azure",)),
            Export("fx", ("fx",), f"{self.users.url}/usd_inr_sbi_tt_daily.csv"),
            Export("invoices", ("invoices",)),
            Export("users", ("users/active_users_*.csv",), f"sqlite://{self._counts()}", query),
            Export("concurrent", ("users/concurrent_users_*.parquet",), users, concurrent),
            Export("aws-metrics", ("utilization/aws.parquet",), "aws://metrics", india + since),
            Export("gcp-metrics", ("utilization/gcp.parquet",), "gcp://metrics", google + since),
            Export("inventory", ("inventory",)),
        ]

    def config(self, kind: Literal["files", "clouds"], name: str = "", **connection: Any) -> Path:
        """kifayat.toml of a new store: everything from files, or everything that an API serves from there."""
        home = self.work / (name or kind)
        home.mkdir(parents=True)
        text = _EXPORTS.sub("", (self.folder / "kifayat.toml").read_text(encoding="utf-8"))
        parts = [text]
        for export in self.exports():
            if kind == "clouds" and export.is_asked:
                parts.append(f'[[exports]]\nname = "{export.name}"\nlocation = "{export.location}"\n{export.more}\n')
            else:
                parts.append(f'[[exports]]\nname = "{export.name}"\nlocation = "{self._arranged(export)}"\n')
        if kind == "clouds":
            parts += [self._connections(connection)]
        path = home / "kifayat.toml"
        path.write_text("\n".join(parts), encoding="utf-8")
        return path

    def _arranged(self, export: Export) -> Path:
        """A folder that holds an export's files and nothing else."""
        if len(export.files) == 1 and (self.folder / export.files[0]).is_dir():
            return self.folder / export.files[0]
        folder = self.work / "arranged" / export.name
        if not folder.exists():
            folder.mkdir(parents=True)
            for pattern in export.files:
                for path in self.folder.glob(pattern):
                    shutil.copy2(path, folder)
        return folder

    def _connections(self, more: dict[str, Any]) -> str:
        limits = "requests_per_second = 100\n" + "".join(f"{key} = {value!r}\n" for key, value in more.items())
        members = ", ".join(f'"{account}"' for account in self.aws_company.members)
        projects = ", ".join(f'"{project}"' for project in self.gcp_company.projects)
        regions = 'regions = ["ap-south-1", "ap-southeast-1"]'
        payer = f'role_arn = "arn:aws:iam::{self.aws_company.payer}:role/kifayat"'
        return f"""
[[connections]]
name = "india"
kind = "aws"
{payer}
accounts = [{members}]
role = "kifayat-member"
{regions}
endpoints = {{ "*" = "{self.aws.url}" }}
{limits}
[[connections]]
name = "inc"
kind = "aws"
{regions}
endpoints = {{ "*" = "{self.aws.url}" }}
{limits}
[[connections]]
name = "google"
kind = "gcp"
projects = [{projects}]
billing_account = "01A2B3-C4D5E6-F7A8B9"
endpoints = {{ "*" = "{self.google.url}", bigquery = "{self.bigquery.url}" }}
{limits}"""

    def _counts(self) -> Path:
        """Daily and monthly counts as a database."""
        path = self.work / "counts.sqlite"
        if not path.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            rows = duckdb.sql(
                "SELECT CAST(active_on AS VARCHAR), product, state, metric, active_users"
                f" FROM read_csv('{self.folder}/users/active_users_*.csv')"
            ).fetchall()
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE counts (active_on, product, state, metric, active_users)")
                database.executemany("INSERT INTO counts VALUES (?, ?, ?, ?, ?)", rows)
            database.close()
        return path


def _first_measured(folder: Path) -> str:
    found = duckdb.sql(f"SELECT MIN(measured_at)::DATE FROM '{folder}/utilization/aws.parquet'").fetchone()
    assert found is not None
    return str(found[0])
