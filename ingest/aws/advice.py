"""aws://advice: what AWS itself advises, to be compared with ours and never added to it.

APIs: Compute Optimizer, of each account and region (machines, groups, volumes, functions, databases), every day;
Cost Optimization Hub and the purchases of Cost Explorer, of the accounts that pay, in us-east-1. Cost Explorer bills
each request and is asked once a week. An account that never enrolled in a service has no advice of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.aws._errors import AwsRefused
from ingest.aws._optimizer import COLUMNS, TOPICS, Row, hub_row
from ingest.aws._purchase_advice import plan_questions, plan_rows, reservation_questions, reservation_rows
from ingest.aws._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

ACTIONS: Final = (
    "ce:GetReservationPurchaseRecommendation", "ce:GetSavingsPlansPurchaseRecommendation",
    *(f"compute-optimizer:{topic.operation}" for topic in TOPICS.values()),
    "cost-optimization-hub:ListEnrollmentStatuses", "cost-optimization-hub:ListRecommendations",
    "organizations:ListAccounts", "sts:GetCallerIdentity",
)  # fmt: skip
_REGION: Final = "us-east-1"
_HUB: Final = "cost-optimization-hub"
_TOKEN: Final = ("nextToken", "nextToken")
#: What Cost Explorer is asked: part -> operation, questions, rows of an answer.
_PURCHASES: Final[dict[str, tuple[str, Callable[[], Iterator[dict[str, str]]], Callable[..., Iterator[Row]]]]] = {
    "savings-plans": ("GetSavingsPlansPurchaseRecommendation", plan_questions, plan_rows),
    "reservations": ("GetReservationPurchaseRecommendation", reservation_questions, reservation_rows),
}
#: There is no advice, and nothing is wrong: not enrolled, or too little usage yet.
_NONE: Final = ("OptInRequiredException", "DataUnavailableException")
#: Cost Explorer's word for a term or a way of paying that is not sold, as three years of a database without upfront.
_NOT_SOLD: Final = "ValidationException"


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """The advice for the connection's accounts."""
    return Advice(export, reading, clients)


class Advice(Topic):
    """One part per account, region and kind of resource; per payer one of the hub and two of Cost Explorer."""

    topic = "advice"

    def parts(self) -> Iterator[Part]:
        """What there may be advice on."""
        for account in self._clients.accounts:
            for region in self._clients.regions:
                for noun in TOPICS:
                    yield Part(f"{account}/{region}/{noun}", estimate=Usage(requests=1))
        week = f"{self.reading.clock.now():%G-W%V}"
        for payer in self._clients.payers:
            yield Part(f"{payer}/{_HUB}", estimate=Usage(requests=2))
            for kind, (_, questions, _) in _PURCHASES.items():
                count = sum(1 for _ in questions())
                yield Part(f"{payer}/{kind}", fingerprint=week, estimate=Usage({"aws:ce:request": count}, count))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per recommendation; what is found to be right already is none."""
        account, *rest = part.group.split("/")
        try:
            return text_table(COLUMNS, self._rows(say, account, *rest))
        except AwsRefused as error:
            if error.code not in _NONE:
                raise
            say(f"{self.export.name}: {part.group}: no advice ({error.code})")
            return None

    def probes(self) -> Iterator[Probe]:
        """Every call once: those of Cost Explorer cost as much as any."""
        region = self._clients.regions[0]
        for account in self._clients.accounts:
            for topic in TOPICS.values():
                ask = partial(self._clients.call, "compute-optimizer", topic.operation, account=account, region=region)
                yield Probe(f"compute-optimizer:{topic.operation}", f"{account}, {region}", _enrolled(ask))
        for payer in self._clients.payers:
            ask = partial(self._clients.call, account=payer, region=_REGION)
            for operation in ("ListEnrollmentStatuses", "ListRecommendations"):
                yield Probe(f"{_HUB}:{operation}", payer, partial(ask, _HUB, operation))
            for operation, questions, _ in _PURCHASES.values():
                yield Probe(f"ce:{operation}", payer, _enrolled(partial(ask, "ce", operation, **next(questions()))))

    def _rows(self, say: Say, account: str, *place: str) -> Iterator[Row]:
        if len(place) > 1:
            region, noun = place
            topic = TOPICS[noun]
            for one in self._clients.pages(
                "compute-optimizer", topic.operation, topic.key, token=_TOKEN, account=account, region=region,
                maxResults=1000,
            ):  # fmt: skip
                yield from topic.rows(one)
        elif place == (_HUB,):
            enrolled = self._clients.pages(
                _HUB, "ListEnrollmentStatuses", "items", token=_TOKEN, account=account, region=_REGION
            )
            if not any(one["status"] == "Active" for one in enrolled):
                return
            found = self._clients.pages(
                _HUB, "ListRecommendations", "items", token=_TOKEN, account=account, region=_REGION, maxResults=100
            )
            yield from map(hub_row, found)
        else:
            yield from self._purchases(say, account, *_PURCHASES[place[0]])

    def _purchases(
        self, say: Say, payer: str, operation: str, questions: Callable[[], Iterator[dict[str, str]]],
        rows: Callable[..., Iterator[Row]],
    ) -> Iterator[Row]:  # fmt: skip
        for asked in questions():
            token: dict[str, str] = {}
            while True:
                try:
                    answer = self._clients.call("ce", operation, account=payer, region=_REGION, **asked, **token)
                except AwsRefused as error:
                    if error.code not in (*_NONE, _NOT_SOLD):
                        raise
                    what = asked.get("Service") or asked["SavingsPlansType"]
                    say(f"{self.export.name}: no advice on {what}, {asked['TermInYears']} ({error.code})")
                    break
                yield from rows(asked, answer, payer)
                if not answer.get("NextPageToken"):
                    break
                token = {"NextPageToken": answer["NextPageToken"]}


def _enrolled(ask: Callable[[], Any]) -> Callable[[], None]:
    """The call, content where the permission is there and the service is not in use."""

    def call() -> None:
        try:
            ask()
        except AwsRefused as error:
            if error.code not in _NONE:
                raise

    return call
