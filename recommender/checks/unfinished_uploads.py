"""Parts of uploads that never ended: invisible in a bucket, and billed as what is stored.

Metric `incomplete_multipart` of the bucket in GB (S3 Storage Lens: incomplete multipart uploads older than 7 days).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_running, target
from recommender.checks._transfer import gigabytes
from recommender.fleet import Fleet

TITLE = "Uploads that never ended"
OPERATOR = Operator.REMOVE
#: An upload that takes longer is none (Storage Lens counts from the same age).
_DAYS = 7


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each bucket of AWS that is measured and keeps such parts."""
    for workload in fleet.of("bucket"):
        metric = workload.metrics.get("incomplete_multipart")
        line = next((x for x in workload.lines if x.meter.endswith("-TimedStorage-ByteHrs")), None)
        if workload.provider != "aws" or metric is None or line is None or not is_running(workload):
            continue
        known = gigabytes(metric)[-30 * 24 :]
        known = known[np.isfinite(known)]
        gb = float(line.hourly[-30 * 24 :].mean() * 730)
        if not len(known) or gb <= 0:
            continue
        # what stood there all month: younger parts may be uploads that go on
        share = min(float(known.min()) / gb, 1.0)
        if share < 0.001:
            continue
        figures = {
            "Parts of uploads": f"{share * gb:,.0f} GB at the least of the last 30 days, {share:.1%} of the bucket",
            "Price": f"{line.price:.4f} {line.currency} a GB and month", "Ended after": f"{_DAYS} days",
        }  # fmt: skip
        yield Action(
            "unfinished_uploads", OPERATOR, workload.id,
            f"{workload.name}: {share * gb:,.0f} GB of uploads that never ended",
            Swap({line.sku: Replacement(line.sku, line.price, 1 - share)}), evidence(fleet, figures),
            Recipe("abort_uploads", target(workload), {"days": _DAYS}), "high",
            "no object refers to such parts, and nobody can read them", "minutes", False,
            "remove the rule; parts that are gone are uploaded again",
            "an upload that takes more than a week begins again", price_source="your own bill",
        )  # fmt: skip
