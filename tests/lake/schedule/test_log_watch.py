"""Which commits are news of a dataset."""

from __future__ import annotations

import pytest

from lake.schedule.log_watch import LogWatch, has_news, heads
from tests.lake.writer import LakeWriter, Part, numbered, rejected
from tests.lake.zones.bench import Bench


def test_rows_are_news_and_rejects_and_the_same_rows_merged_are_not(lake_storage):
    watch = LogWatch(lake_storage.storage)
    first = lake_storage.commit(Part(numbered(1)))
    seen = heads(watch.read())
    assert seen == {"shop": 1}
    lake_storage.commit(Part([], rejected=(rejected("/id", "no"),)))
    lake_storage.commit(remove=(first.add[0].key,))
    assert not has_news(watch.read(), "landing.orders", seen)
    lake_storage.commit(Part(numbered(2)))
    assert has_news(watch.read(), "landing.orders", seen)
    assert not has_news(watch.read(), "landing.orders", heads(watch.read()))


def test_an_empty_version_that_was_activated_is_news(local_lake):
    watch = LogWatch(local_lake.storage)
    local_lake.commit(Part(numbered(1), version=1), activate={"orders": 1})
    seen = heads(watch.read())
    local_lake.commit(Part([], version=2), activate={"orders": 2})
    assert has_news(watch.read(), "orders", seen)


def test_a_commit_whose_files_are_not_there_yet_is_no_news(local_lake):
    watch = LogWatch(local_lake.storage)
    local_lake.commit(Part(numbered(1)))
    seen = heads(watch.read())
    local_lake.commit(Part(numbered(2)), publish=False)
    assert not has_news(watch.read(), "orders", seen)


def test_a_lake_that_was_begun_anew_is_news(local_lake):
    local_lake.commit(Part(numbered(1)))
    assert has_news(LogWatch(local_lake.storage).read(), "orders", {"shop": 7})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("orders", True), ("landing.orders", True), ("landing.other.orders", True), ("landing.shop.orders", False)],
)
def test_the_names_of_a_dataset_that_another_source_has_too(local_lake, name, expected):
    other = LakeWriter(local_lake.place, source="other")
    local_lake.commit(Part(numbered(1)))
    other.commit(Part(numbered(1)))
    watch = LogWatch(local_lake.storage)
    seen = heads(watch.read())
    other.commit(Part(numbered(2)))
    assert has_news(watch.read(), name, seen) is expected


def test_a_build_is_news_of_what_it_made_and_not_of_the_stream_of_that_name(local_lake, tmp_path):
    bench = Bench(local_lake, tmp_path / "zones")
    bench.write("business/sales.sql", "SELECT count(*) AS n FROM clean.orders")
    local_lake.commit(Part(numbered(1)))
    watch = LogWatch(local_lake.storage)
    seen = heads(watch.read())
    bench.build()
    logs = watch.read()
    assert has_news(logs, "clean.orders", seen)
    assert has_news(logs, "sales", seen)
    assert not has_news(logs, "orders", seen)
    seen = heads(logs)
    bench.build()  # nothing changed
    assert not has_news(watch.read(), "clean.orders", seen)
