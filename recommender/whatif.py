"""What-if: a plan prepared for a question; another day of the exam draws the users again. Publishes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import numpy as np

from core import Config, KifayatError, WrongUsage
from models.forecast import ForecastSettings
from recommender.ahead import Users, read_users
from recommender.prepared import Prepared, Question, prepare
from warehouse import Engine, Snapshot

Say = Callable[[str], None]


def prepare_question(snapshot: Snapshot, config: Config, question: Question, now: datetime, say: Say) -> Prepared:
    """What a plan is made from, read once. Another day of the exam draws the users anew, which takes a minute.

    Raises NotEnoughHistory where no usage is billed, WrongUsage for a day on which no exam can be.
    """
    if question.exam_on is not None:
        say("drawing the users for another day of the exam")
        users = users_with_exam(snapshot, ForecastSettings.of(config), question.exam_on)
        question = replace(question, users=users)
    return prepare(snapshot, now, question, say)


class _Reader:
    """A snapshot with the two verbs that the forecast's inputs read by."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return list(self._snapshot.query(sql, params).rows)

    def dicts(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a query by column."""
        return self._snapshot.query(sql, params).to_dicts()


def users_with_exam(snapshot: Snapshot, settings: ForecastSettings, exam_on: date, n_paths: int = 40) -> Users:
    """Paths of the users if the next exam is on `exam_on`. Raises KifayatError where nobody is counted."""
    from models.crowd import CrowdModel
    from models.demand import OURS
    from models.forecast_inputs import read_crowd
    from models.neet import central, neet_calendar, scenario

    crowd = read_crowd(cast(Engine, _Reader(snapshot)))
    known = read_users(snapshot)
    if crowd is None or known is None:
        raise KifayatError(
            "the exam can only be moved where users are counted and forecast", fix="run `kifayat forecast` first"
        )
    first = (crowd.days[-1] + 1).astype(object)
    last = first + timedelta(days=settings.horizon_days)
    if not first <= exam_on < last:
        raise WrongUsage(
            f"{exam_on} is no day on which the next exam can be", where="the day of the exam",
            expected=f"a day from {first} to {last - timedelta(days=1)}: what is ahead of the last day that is known",
        )  # fmt: skip
    calendar = central(neet_calendar(settings.events), first, last)
    model = CrowdModel(
        calendar, candidates=(OURS,), growth_per_year=settings.growth_per_year, random_state=settings.seed
    ).fit(crowd)
    ahead = np.datetime64(first, "D") + np.arange(settings.horizon_days)
    paths = model.sample(ahead, n_paths, scenario(calendar, {"exam": exam_on}))
    product = "all" if "all" in paths.dau else next(iter(paths.dau))
    return Users(known.days, known.known, ahead, np.asarray(paths.dau[product], dtype=np.float64))
