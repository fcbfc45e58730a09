"""`lake drop`: a dataset goes with all that is its own, and may come back as a new one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lake.catalog import Catalog
from lake.drop import drop
from lake.errors import UnknownDatasetError
from lake.held_source import hold_source
from lake.overview import read_overviews
from lake.verify import verify_lake
from tests.lake.crashes import Crash, CrashingStorage
from tests.lake.test_cli import lake
from tests.lake.writer import LakeWriter, Part, ids, numbered, rejected
from tests.places import LakePlace

NOW = datetime(2026, 2, 1, tzinfo=UTC)

STATE = '{"bookmarks":{"orders":{"at":1.10},"shops":{"p":1}},"x":1e2}'


def fill(writer: LakeWriter) -> None:
    broken = (rejected("/id", "expected integer, found string"),)
    writer.commit(Part(numbered(1, 2), version=1, rejected=broken), activate={"orders": 1})
    writer.commit(Part(numbered(9), stream="shops"), Part(numbered(3), generation=2), state=STATE)


def run_drop(writer: LakeWriter, storage=None):
    with hold_source(storage or writer.storage, "shop", NOW) as held:
        return drop(held, "orders")


def catalog(writer: LakeWriter) -> Catalog:
    return Catalog(writer.place.path, s3=writer.place.s3)


def own_keys(writer: LakeWriter) -> list[str]:
    prefixes = ("landing", "_lake/rejected", "_lake/schemas")
    keys = [file.key for prefix in prefixes for file in writer.storage.list(prefix)]
    return [key for key in keys if "/orders" in key]


def test_a_dataset_goes_with_all_that_is_its_own(lake_storage):
    fill(lake_storage)
    done = run_drop(lake_storage)
    assert (done.rows, done.rejected, done.files, done.bookmark_removed) == (3, 1, 3, True)
    assert list(catalog(lake_storage)) == ["shops"]
    assert own_keys(lake_storage) == []
    head = catalog(lake_storage).histories()[0].commits()[-1]
    assert (head.state, head.purpose) == ('{"bookmarks":{"shops":{"p":1}},"x":1e2}', "drop")
    assert ids(catalog(lake_storage)["shops"].read()) == [9]
    assert verify_lake(lake_storage.storage).findings == ()
    with pytest.raises(UnknownDatasetError):
        catalog(lake_storage)["orders"]


def test_a_stream_that_lands_again_is_a_new_dataset(lake_storage):
    fill(lake_storage)
    run_drop(lake_storage)
    lake_storage.commit(Part(numbered(7)))
    orders = catalog(lake_storage)["orders"]
    assert ids(orders.read()) == ids(orders.read(versions="all")) == [7]
    assert [entry.commit for entry in orders.history()] == [4]
    facts = orders.facts()
    assert (facts.received, facts.rejected, facts.commits, facts.rows) == (1, 0, 1, 1)
    assert [overview.rows for overview in read_overviews(catalog(lake_storage))] == [1, 1]
    assert verify_lake(lake_storage.storage).findings == ()


def test_a_state_without_bookmarks_is_kept_and_told(local_lake):
    local_lake.commit(Part(numbered(1)), state='{"cursor":1.10}')
    assert not run_drop(local_lake).bookmark_removed
    assert json.loads(local_lake.storage.read("_lake/log/shop/00000000000000000002.json"))["state"] == '{"cursor":1.10}'


def test_a_crash_at_any_step_leaves_all_or_nothing(tmp_path):
    step, crashed = 0, True
    while crashed:
        writer = LakeWriter(LakePlace("local", str(tmp_path / str(step))))
        fill(writer)
        try:
            run_drop(writer, CrashingStorage(writer.storage, step))
            crashed = False
        except Crash:
            step += 1
        if "orders" in list(catalog(writer)):
            assert ids(catalog(writer)["orders"].read(versions="all")) == [1, 2, 3]
            run_drop(writer)
        else:
            with hold_source(writer.storage, "shop", NOW):
                pass  # what any run or command begins with
        assert list(catalog(writer)) == ["shops"]
        assert own_keys(writer) == []
        assert verify_lake(writer.storage).findings == ()
    assert step > 4


def test_the_command_wants_to_be_sure(local_lake):
    fill(local_lake)
    at = ["orders", "--lake", local_lake.place.path]
    assert "would go: 3 rows" in lake("drop", *at, "--dry-run").stdout
    unsure = lake("drop", *at, stdin=-3)
    assert (unsure.returncode, unsure.stdout) == (2, "")
    assert "add --yes" in unsure.stderr
    assert list(catalog(local_lake)) == ["orders", "shops"]
    done = lake("drop", *at, "--yes")
    assert "the next run reads the stream anew" in done.stdout
    assert list(catalog(local_lake)) == ["shops"]
    assert lake("drop", *at, "--yes").returncode == 2
