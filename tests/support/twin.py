"""The same company twice: as a folder of files, and behind the APIs of its clouds.

    with Twin(folder) as twin:                # as demo.write.write_company wrote it
        files, clouds = twin.config("files"), twin.config("clouds")

Both configurations name the same exports with the same contents, one folder for each or one address for each, so that
whatever is published from them must be equal. `bills()` and `feeds()` say which is which.
"""

from __future__ import annotations

import csv
import re
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
from aws_server import AwsServer
from bigquery_server import BigQueryReads, BigQueryServer
from google_server import GoogleServer
from twin_aws import ACCOUNT_ROWS, COMMITMENT_ROWS, INC, PAYER, AwsCompany
from twin_gcp import ACCOUNT, PRICE_ROWS, GcpCompany
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
    """An export by its files (patterns in the company's folder), and by its address with what else it says.

    `account`: only the rows of CSV files that begin with it. `rows`: made up, where the company has no file.
    """

    name: str
    files: str
    location: str = ""
    more: str = ""
    account: str = ""
    rows: Sequence[dict[str, Any]] = ()

    @property
    def is_asked(self) -> bool:
        """Whether an API serves it; else both read the files."""
        return bool(self.location)


class Twin:
    """The servers of one company, whose files are in `folder`; `work` is for what is made of them.

    `since`: the day (a Monday) from which hours are asked, and from which the files have them; all, if not said.
    """

    def __init__(self, folder: Path, work: Path, since: str = "") -> None:
        self.folder, self.work = folder, work
        self.aws = AwsServer()
        self.bigquery = BigQueryServer()
        self.reads = BigQueryReads(self.bigquery)
        self.reads.batch_rows = 20_000
        self.google = GoogleServer()
        self.users = UsersServer(folder)
        self.aws_company = AwsCompany(self.aws, folder)
        self.gcp_company = GcpCompany(self.bigquery, self.google, folder)
        #: The first day of bills, and of what is measured by the hour.
        self.first = _least(f"CAST(active_on AS DATE) FROM read_csv('{folder}/users/active_users_*.csv')")
        self.since = since or _least(f"CAST(measured_at AS DATE) FROM '{folder}/utilization/aws.parquet'")
        self._is_cut = bool(since)

    def __enter__(self) -> Twin:
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self.aws, self.reads, self.bigquery, self.google, self.users):
            server.close()

    def exports(self) -> list[Export]:
        """Every export of the company."""
        india, inc, google = ('connection = "india"', 'connection = "inc"', 'connection = "google"')
        since, month = f"\nsince = {self.since}", f"\nsince = {self.first}"
        tables = {name: f"bigquery://{table.replace('.', '/')}" for name, table in self.gcp_company.tables.items()}
        users = self.users.url.replace("http://", "prometheus+http://")
        concurrent = f'query = "max by (product, state) (students)"{since if self._is_cut else month}'
        bills = "invoices/*.csv"
        return [
            Export("aws-india", "aws-india", "s3://pragati-billing/cur", india),
            Export("aws-india-2", "aws-india-2", "s3://pragati-billing/exports", india),
            Export("aws-inc", "aws-inc", "aws://exports", inc),
            *(Export(name, name, location, google) for name, location in tables.items()),
            Export("azure", "azure"),
            Export("fx", "fx", f"{self.users.url}/usd_inr_sbi_tt_daily.csv"),
            Export("invoices-google", bills, account=ACCOUNT),
            Export("invoices-india", bills, "aws://invoices", india + month, PAYER),
            Export("invoices-inc", bills, "aws://invoices", inc + month, INC),
            Export("users", "users/active_users_*.csv", f"sqlite://{self._counts()}", f'query = "{_COUNTS}"'),
            Export("concurrent", "users/concurrent_users_*.parquet", users, concurrent),
            Export("aws-metrics", "utilization/aws.parquet", "aws://metrics", india + since),
            Export("gcp-metrics", "utilization/gcp.parquet", "gcp://metrics", google + since),
            Export("aws-inventory", "inventory/aws_inventory.csv", "aws://inventory", india),
            Export("gcp-inventory", "inventory/gcp_inventory.csv", "gcp://inventory", google),
            Export("aws-accounts", "", "aws://accounts", india, rows=ACCOUNT_ROWS),
            Export("gcp-accounts", "", "gcp://accounts", google, rows=self.gcp_company.account_rows),
            Export("aws-commitments", "", "aws://commitments", india, rows=COMMITMENT_ROWS),
            Export("gcp-commitments", "", "gcp://commitments", google),
            Export("aws-prices", "", "aws://prices", india),
            Export("gcp-prices", "", "gcp://prices", google, rows=PRICE_ROWS),
            Export("aws-advice", "", "aws://advice", india),
            Export("gcp-advice", "", "gcp://advice", google),
        ]

    def config(self, kind: Literal["files", "clouds"], name: str = "", **connection: Any) -> Path:
        """kifayat.toml of a new store: everything from files, or everything that an API serves from there."""
        home = self.work / (name or kind)
        home.mkdir(parents=True)
        text = _EXPORTS.sub("", (self.folder / "kifayat.toml").read_text(encoding="utf-8"))
        parts = [text]
        for export in self.exports():
            is_there = bool(export.files or export.rows)
            if kind == "clouds" and export.is_asked:
                parts.append(f'[[exports]]\nname = "{export.name}"\nlocation = "{export.location}"\n{export.more}\n')
            elif is_there:
                parts.append(f'[[exports]]\nname = "{export.name}"\nlocation = "{self._arranged(export)}"\n')
        if kind == "clouds":
            parts += [self._connections(connection)]
        path = home / "kifayat.toml"
        path.write_text("\n".join(parts), encoding="utf-8")
        return path

    def _arranged(self, export: Export) -> Path:
        """A folder that holds an export's files and nothing else."""
        if export.files and (self.folder / export.files).is_dir():
            return self.folder / export.files
        folder = self.work / "arranged" / export.name
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        if export.rows:
            with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(dict.fromkeys(name for row in export.rows for name in row)))
                writer.writeheader()
                writer.writerows(export.rows)
        for path in self.folder.glob(export.files) if export.files else ():
            if path.suffix == ".parquet" and self._is_cut:
                at = "active_at" if export.name == "concurrent" else "measured_at"
                duckdb.sql(f"COPY (FROM '{path}' WHERE {at} >= DATE '{self.since}') TO '{folder / path.name}'")
                continue
            if not export.account:
                shutil.copy2(path, folder)
                continue
            header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            if kept := [line for line in lines if line.startswith(export.account)]:
                (folder / path.name).write_text("".join([header, *kept]), encoding="utf-8")
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
endpoints = {{ "*" = "{self.google.url}", bigquery = "{self.bigquery.url}", bigquerystorage = "{self.reads.url}" }}
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


def _least(what: str) -> str:
    value, _, source = what.partition(" FROM ")
    found = duckdb.sql(f"SELECT MIN({value}) FROM {source}").fetchone()
    assert found is not None
    return str(found[0])
