"""How old datasets are, and how old they may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lake.freshness import Expectation, to_dataset_table
from lake.status import read_status, to_status_table
from tests.lake.writer import LakeWriter, Part, numbered, rejected
from tests.lake.zones.bench import NOW_US, Bench

NOW = datetime(2026, 1, 31, 13, tzinfo=UTC)  # the writer's commit n is at 12:0n that day

HOUR = timedelta(hours=1)


def datasets(writer: LakeWriter, now: datetime = NOW, **freshness: timedelta):
    expectation = Expectation("shop", {name.replace("__", "."): span for name, span in freshness.items()})
    (status,) = read_status(writer.storage, now, [expectation])
    return {each.dataset: each for each in status.datasets}


def test_a_dataset_is_as_old_as_the_last_commit_that_brought_rows(lake_storage):
    lake_storage.commit(Part(numbered(1)), Part(numbered(1), stream="shops"))
    lake_storage.commit(Part(numbered(2), stream="shops"), run="run-2")
    found = datasets(lake_storage, orders=HOUR)
    orders, shops = found["landing.shop.orders"], found["landing.shop.shops"]
    assert (orders.age_seconds, orders.run, orders.rows) == (59 * 60, "run-1", 1)
    assert (shops.age_seconds, shops.run, shops.rows) == (58 * 60, "run-2", 2)
    assert (orders.expected_seconds, orders.stale) == (3600, False)
    assert (shops.expected_seconds, shops.stale) == (None, False)
    assert datasets(lake_storage, NOW + timedelta(minutes=1), orders=HOUR)["landing.shop.orders"].stale is False
    assert datasets(lake_storage, NOW + timedelta(minutes=2), orders=HOUR)["landing.shop.orders"].stale is True


def test_a_commit_of_nothing_but_rejects_makes_nothing_fresh(local_lake):
    local_lake.commit(Part(numbered(1)))
    local_lake.commit(Part([], rejected=(rejected("/id", "no"),)))
    (orders,) = datasets(local_lake).values()
    assert (orders.age_seconds, orders.rejected) == (59 * 60, 1)


def test_a_full_table_that_came_out_empty_is_fresh(local_lake):
    local_lake.commit(Part(numbered(1), version=1), activate={"orders": 1})
    local_lake.commit(Part([], version=2), activate={"orders": 2})
    (orders,) = datasets(local_lake).values()
    assert (orders.rows, orders.age_seconds) == (0, 58 * 60)


@pytest.mark.parametrize("name", ["orders", "landing.orders", "landing.shop.orders"])
def test_an_expectation_goes_by_any_name_of_the_dataset(local_lake, name):
    local_lake.commit(Part(numbered(1)))
    (orders,) = datasets(local_lake, **{name.replace(".", "__"): HOUR}).values()
    assert orders.expected_seconds == 3600


def test_what_never_landed_is_stale(local_lake):
    local_lake.commit(Part(numbered(1)))
    found = datasets(local_lake, oders=HOUR)
    assert found["oders"].stale
    assert found["oders"].landed_at is None
    assert not found["landing.shop.orders"].stale


def test_a_name_means_the_configurations_own_stream_before_anothers(local_lake):
    other = LakeWriter(local_lake.place, source="other")
    local_lake.commit(Part(numbered(1)))
    other.commit(Part(numbered(1)), Part(numbered(1), stream="shops"))
    expectation = Expectation("shop", {"orders": HOUR, "shops": HOUR})
    statuses = read_status(local_lake.storage, NOW, [expectation])
    expected = [each.dataset for status in statuses for each in status.datasets if each.expected_seconds]
    assert sorted(expected) == ["landing.other.shops", "landing.shop.orders"]


def test_a_source_that_never_ran_is_shown_with_what_is_expected_of_it(local_lake):
    local_lake.commit(Part(numbered(1)))
    due = NOW + HOUR
    statuses = read_status(local_lake.storage, NOW, [Expectation("new", {"orders2": HOUR}, due)])
    new, _shop = statuses
    assert (new.source, new.next_due, [each.dataset for each in new.stale]) == ("new", due.isoformat(), ["orders2"])


@pytest.fixture
def built(local_lake, tmp_path) -> LakeWriter:
    """A lake with two landing streams and what a build made of them."""
    local_lake.commit(Part(numbered(1)), Part(numbered(1), stream="shops"))
    bench = Bench(local_lake, tmp_path / "zones")
    bench.write("business/sales.sql", "SELECT count(*) AS n FROM clean.orders")
    bench.build()
    return local_lake


def test_what_builds_made_is_shown_below_the_sources(built):
    now = datetime.fromtimestamp(NOW_US / 1e6, UTC) + HOUR
    expectation = Expectation("shop", {"clean.orders": 2 * HOUR, "sales": HOUR / 2, "shops": 24 * HOUR})
    shop, clean, business = read_status(built.storage, now, [expectation])
    assert (shop.source, clean.source, clean.outcome, business.source) == ("shop", "@clean", "built", "@business")
    assert [(each.dataset, each.rows, each.stale) for each in (*clean.datasets, *business.datasets)] == [
        ("clean.orders", 1, False),
        ("clean.shops", 1, False),
        ("business.sales", 1, True),
    ]
    assert business.datasets[0].age_seconds == 3600
    assert [each.dataset for each in shop.datasets if each.expected_seconds] == ["landing.shop.shops"]
    assert "@clean" not in to_status_table([shop, clean, business], terminal=False)


def test_the_table(local_lake):
    local_lake.commit(Part(numbered(1, 2)))
    found = datasets(local_lake, orders=HOUR / 2, gone=HOUR)
    assert to_dataset_table(list(found.values()), terminal=False).splitlines() == [
        "dataset              rows  rejected  newest rows           age  expected  state",
        "landing.shop.orders     2         0  2026-01-31 12:01Z  59 min    30 min  stale",
        "gone                    0         0  never                   -       1 h  never landed",
    ]
