"""Reservations of databases and caches reach a family and an engine; Database Savings Plans new generations only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from recommender.bill import Commitment, Kind, simulate
from recommender.databases import database_sku, is_in_database_plans, reservation_of
from recommender.holdings import PRIORS, Rates, pool_of
from recommender.prices import Catalogue, Offer, database_plan_prices
from recommender.reading import sku_of

pytestmark = pytest.mark.pure


def aws(meter: str, operation: str) -> str:
    return sku_of({"provider": "AWS", "meter": meter, "operation": operation, "sku_id": "", "service_name": ""})


def test_what_is_metered_and_what_is_reserved_have_one_name() -> None:
    assert aws("APS3-InstanceUsage:db.r6g.xlarge", "CreateDBInstance:0014") == "db.r6g.xlarge/postgresql"
    assert aws("APS3-HeavyUsage:db.r6g.xlarge", "CreateDBInstance:0014") == "db.r6g.xlarge/postgresql"
    assert aws("APS3-Multi-AZUsage:db.r7i.2xl", "CreateDBInstance:0002") == "db.r7i.2xlarge/mysql/multi-az"
    assert aws("APS3-NodeUsage:cache.m7g.large", "CreateCacheCluster:Valkey") == "cache.m7g.large/valkey"
    assert aws("APS3-HeavyUsage:m6i.xlarge", "RunInstances") == "m6i.xlarge/linux"
    assert database_sku("db.m5.large", "CreateDBInstance:9999") == "db.m5.large", "an engine that nobody knows"


def test_sizes_are_exchanged_but_for_sql_server() -> None:
    assert reservation_of("db.r6g.xlarge/postgresql", "ap-south-1") == ("db.r6g/postgresql/ap-south-1", 8)
    assert reservation_of("db.r6g.large/postgresql/multi-az", "ap-south-1") == ("db.r6g/postgresql/ap-south-1", 8)
    assert reservation_of("db.r6i.large/sqlserver-se", "x") == ("db.r6i.large/sqlserver-se/x", 1)
    assert reservation_of("db.r6i.large/sqlserver-se/multi-az", "x") == ("db.r6i.large/sqlserver-se/x", 2)
    assert reservation_of("db.m5.large", "x") == ("db.m5.large/x", 1)
    assert reservation_of("cache.r7g.large/valkey", "x") == ("cache.r7g/redis/x", 3.2)
    assert reservation_of("cache.r7g.large/memcached", "x") == ("cache.r7g/memcached/x", 4)


def test_a_reserved_xlarge_pays_for_two_large_ones(build: SimpleNamespace) -> None:
    sku = "db.r6g.large/postgresql"
    database = build.workload("db-1", kind="database", lines=[build.line("db-1", sku, 0.26, meter="m")])
    pool = pool_of("large", database, database.lines[0], Rates({}, {}), 1.0)
    held = Commitment("ri", Kind.REGIONAL_RESERVATION, 8, ":db.r6g/postgresql/ap-south-1", fee=0.04)
    bill = simulate(build.hours[:1], [pool], np.array([[3.0]]), [held])
    assert bill.left[0, 0] == pytest.approx(1)


def test_database_plans_reach_the_seventh_generation() -> None:
    assert is_in_database_plans("db.r7g.large/postgresql")
    assert is_in_database_plans("db.m8g.xlarge/mysql/multi-az")
    assert is_in_database_plans("cache.r7g.large/valkey")
    assert not is_in_database_plans("db.r6g.large/postgresql")
    assert not is_in_database_plans("db.r7i.large/sqlserver-se")
    assert not is_in_database_plans("cache.r7g.large/redis")


def test_the_prior_of_database_plans_is_what_the_price_list_takes_off_cache_nodes() -> None:
    catalogue = Catalogue.shipped()
    shares = [
        usd / float(catalogue.price(Offer("aws", region, sku)).usd)
        for (region, sku), usd in database_plan_prices().items() if sku.startswith("cache.")
    ]  # fmt: skip
    assert len(shares) >= 10
    assert shares == pytest.approx([PRIORS[Kind.DATABASE_PLAN]] * len(shares), abs=0.005)


def test_a_listed_rate_counts_where_it_is_listed_and_the_prior_elsewhere(build: SimpleNamespace) -> None:
    listed = {(Kind.DATABASE_PLAN, *key): usd for key, usd in database_plan_prices().items()}
    rates = Rates({}, dict(PRIORS), listed=listed)
    sku = "db.r7g.xlarge/postgresql"
    for region, wanted in (("ap-south-2", listed[Kind.DATABASE_PLAN, "ap-south-2", sku]), ("ap-south-1", 0.5 * 0.8)):
        database = build.workload("db-1", kind="database", region=region, lines=[build.line("db-1", sku, 0.5)])
        pool = pool_of("db", database, database.lines[0], rates, 1.0)
        assert pool.rates[Kind.DATABASE_PLAN, ":"] == pytest.approx(wanted)
