"""AWS of the demo company: its files in S3, its metrics in CloudWatch, its inventory and invoices behind the APIs."""

from __future__ import annotations

import csv
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from aws_estate import serve_utilization
from aws_server import Asked, AwsServer
from cloudwatch import CloudWatch
from moto.iam.models import get_account_id_from

PAYER, PROD, INC = "111122223333", "222233334444", "123456789012"
MEMBERS = (PROD, "333344445555", "444455556666", "555566667777", "666677778888")
#: Folder of the company -> bucket.
BUCKETS = {"aws-india": "pragati-billing", "aws-india-2": "pragati-billing", "aws-inc": "pragati-global-billing"}


class AwsCompany:
    """Two payers: AWS India's organisation, and the company's account with AWS Inc., which the credentials are of."""

    payer, members = PAYER, MEMBERS

    def __init__(self, server: AwsServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.cloudwatch = CloudWatch(server)
        self._upload()
        serve_utilization(self.cloudwatch, pq.read_table(folder / "utilization" / "aws.parquet"), PROD)
        server.answers |= {
            "cur:DescribeReportDefinitions": lambda _: {"ReportDefinitions": []},
            "bcm-data-exports:ListExports": self._exports,
            "bcm-data-exports:GetExport": lambda asked: {"Export": self._exports(asked)["Exports"][0]},
        }

    def _upload(self) -> None:
        """Every file under its key; a provider writes the manifest last."""
        s3 = self.server.client()
        for bucket in sorted(set(BUCKETS.values())):
            s3.create_bucket(Bucket=bucket)
        for name, bucket in BUCKETS.items():
            files = [path for path in (self.folder / name).rglob("*") if path.is_file()]
            for path in sorted(files, key=lambda path: (path.name.endswith("Manifest.json"), str(path))):
                s3.put_object(Bucket=bucket, Key=str(path.relative_to(self.folder / name)), Body=path.read_bytes())

    def _exports(self, asked: Asked) -> dict[str, Any]:
        """Those of AWS Inc.; India's are read by their addresses."""
        if get_account_id_from(asked.key) != INC:
            return {"Exports": []}
        name = "pragati-global-focus"
        place = {"S3Bucket": BUCKETS["aws-inc"], "S3Prefix": "exports", "S3Region": "us-east-1",
                 "S3OutputConfigurations": {}}  # fmt: skip
        return {"Exports": [{
            "ExportArn": f"arn:aws:bcm-data-exports:us-east-1:{INC}:export/{name}", "Name": name, "ExportName": name,
            "DataQuery": {"QueryStatement": "SELECT * FROM FOCUS_1_2_AWS", "TableConfigurations": {}},
            "DestinationConfigurations": {"S3Destination": place}, "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }]}  # fmt: skip
