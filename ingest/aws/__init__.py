"""What AWS is asked: one module per topic of aws://<topic>, each with `ACTIONS` and `open_at`.

`ACTIONS` are the IAM actions of exactly the calls that the topic makes (`kifayat connect aws` allows these and no
other); `open_at(export, reading, clients) -> PullLocation` opens it. Clients are made in `_clients`, and nowhere else.
"""
