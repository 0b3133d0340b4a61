"""What Google Cloud is asked: one module per topic of gcp://<topic>, each with `PERMISSIONS`, `APIS` and `open_at`.

`PERMISSIONS` are the IAM permissions and `APIS` the services that exactly its calls need (`kifayat connect gcp` grants
these and no other); `open_at(export, reading, clients) -> PullLocation` opens it. Clients are made in `_clients`.
BigQuery and Cloud Storage are locations of their own: bigquery:// and gs://.
"""
