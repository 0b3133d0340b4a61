"""Every list price has a day and an origin; what is not known is said with what is near."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from recommender.prices import FACTS, Catalogue, ListPrice, MissingPrice, Offer

pytestmark = pytest.mark.pure

CATALOGUE = Catalogue.shipped()


@pytest.mark.parametrize(
    ("offer", "usd"),
    [
        (Offer("aws", "ap-south-1", "a1.large/linux"), "0.051"),
        (Offer("aws", "ap-south-1", "a1.large/linux", "1y_all_upfront"), "0.030023"),
        (Offer("aws", "us-east-1", "gp3"), "0.08"),
        (Offer("gcp", "asia-south1", "a2-highgpu-1g"), "4.324983684"),
    ],
)
def test_prices_are_those_of_the_files(offer: Offer, usd: str) -> None:
    assert CATALOGUE.price(offer).usd == Decimal(usd)


def test_mumbai_is_not_virginia() -> None:
    def gain(region: str) -> Decimal:
        arm, intel = (CATALOGUE.price(Offer("aws", region, f"{t}.xlarge/linux")).usd for t in ("m7g", "m6i"))
        return 1 - arm / intel

    assert gain("ap-south-1") != gain("us-east-1")


def test_every_file_has_its_origin_and_every_price_is_positive() -> None:
    told = (FACTS / "SOURCES.md").read_text(encoding="utf-8")
    assert all(path.name in told for path in FACTS.glob("*.csv*"))
    assert all(CATALOGUE.price(offer).usd > 0 for offer in CATALOGUE)
    assert {(offer.provider, offer.region) for offer in CATALOGUE} >= {("aws", "ap-south-2"), ("gcp", "asia-south1")}


def test_a_type_without_spot_has_no_spot_price() -> None:
    with pytest.raises(MissingPrice, match="no list price"):
        CATALOGUE.price(Offer("aws", "ap-south-1", "a1.2xlarge/linux", "spot"))


def test_a_price_of_which_sources_differ_says_so() -> None:
    assert "other sources differ" in CATALOGUE.price(Offer("aws", "us-east-1", "io1")).source


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        (Offer("aws", "ap-south-1", "m7g.xlarge/linux", "3y_no_upfront"), "on_demand"),
        (Offer("aws", "eu-west-1", "m7g.xlarge/linux"), "regions ap-south-1"),
        (Offer("aws", "ap-south-1", "m7g.xlrge/linux"), "m7g.xlarge/linux"),
    ],
)
def test_a_missing_price_names_what_is_near(offer: Offer, told: str) -> None:
    with pytest.raises(MissingPrice, match="no list price") as raised:
        CATALOGUE.price(offer)
    assert told in str(raised.value)


def test_the_newest_price_counts_and_an_old_one_is_marked() -> None:
    offer = Offer("aws", "us-east-1", "gp3")
    newer = ListPrice(Decimal("0.09"), "GB-Month", date(2026, 11, 24), "feed")
    older = ListPrice(Decimal("0.07"), "GB-Month", date(2020, 1, 1), "feed")
    found = CATALOGUE.with_prices([(offer, newer), (offer, older)]).price(offer)
    assert found == newer
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert not found.is_stale(now)
    assert CATALOGUE.price(offer).is_stale(now)
