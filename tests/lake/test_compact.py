"""`lake compact`: the same rows in the same order in fewer files, whatever happens on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.catalog import Catalog
from lake.compact import compact
from lake.errors import UsageError
from lake.held_source import hold_source
from lake.verify import verify_lake
from target_datalake import layout
from target_datalake.errors import HeldError, StorageError
from tests.lake.crashes import Crash, CrashingStorage, crash_points
from tests.lake.writer import ID_AND_NAME, LakeWriter, Part, ids, numbered
from tests.places import LakePlace, make_s3_place

if TYPE_CHECKING:
    from target_datalake.storage import Storage

NOW = datetime(2026, 2, 1, tzinfo=UTC)
LARGE = 1 << 30

WIDER = ID_AND_NAME.append(pa.field("price", pa.float64()))


def run_compact(writer: LakeWriter, *, storage: Storage | None = None, now: datetime = NOW, target: int = LARGE):
    with hold_source(storage or writer.storage, writer.source, now) as held:
        streams = sorted(held.head.schemas)
        return list(compact(held, streams, target))


def catalog(writer: LakeWriter) -> Catalog:
    return Catalog(writer.place.path, s3=writer.place.s3)


def glob_ids(writer: LakeWriter, stream: str = "orders") -> list[int]:
    storage = writer.storage
    keys = [file.key for file in storage.list(layout.stream_prefix("shop", stream))]
    return sorted(number for key in keys for number in ids(pq.read_table(pa.BufferReader(storage.read(key)))))


def fill(writer: LakeWriter) -> None:
    writer.commit(Part(numbered(1, 2)), Part(numbered(9), stream="shops"))
    writer.commit(Part(numbered(3)), Part(numbered(4)))
    writer.commit(Part(numbered(5, price=1.5), schema=WIDER))
    writer.commit(Part(numbered(6), schema=WIDER), state='{"bookmarks":{"orders":1}}')


def reads(writer: LakeWriter) -> list[pa.Table]:
    orders, shops = catalog(writer)["orders"], catalog(writer)["shops"]
    return [orders.read(), shops.read(), *(orders.read(since=n) for n in range(5))]


def test_reading_gives_what_it_gave_before(lake_storage):
    fill(lake_storage)
    before = reads(lake_storage)
    scanned = [catalog(lake_storage)["orders"].scan(since=n).to_table() for n in range(5)]
    (done,) = run_compact(lake_storage)
    assert [catalog(lake_storage)["orders"].scan(since=n).to_table() for n in range(5)] == scanned
    assert (done.dataset, done.commit, done.files_before, done.files_after) == ("landing.shop.orders", 5, 5, 1)
    assert reads(lake_storage) == before
    assert glob_ids(lake_storage) == [1, 2, 3, 4, 5, 6]
    head = catalog(lake_storage).histories()[0].commits()[-1]
    assert (head.state, head.purpose) == ('{"bookmarks":{"orders":1}}', "compact")
    assert verify_lake(lake_storage.storage).findings == ()


def test_what_follows_goes_on_as_before(lake_storage):
    fill(lake_storage)
    run_compact(lake_storage)
    lake_storage.commit(Part(numbered(7), schema=WIDER))
    orders = catalog(lake_storage)["orders"]
    assert ids(orders.read()) == [1, 2, 3, 4, 5, 6, 7]
    assert ids(orders.read(since=4)) == [7]
    assert ids(orders.read(since=2)) == [5, 6, 7]
    assert ids(orders.read(as_of=5)) == [1, 2, 3, 4, 5, 6]
    assert [(file.rows, file.skip_rows) for file in orders.files(since=2)] == [(6, 4), (1, 0)]
    assert [entry.purpose for entry in orders.history()] == ["run"] * 4 + ["compact", "run"]
    (done,) = run_compact(lake_storage)
    assert (done.files_before, ids(orders.read(since=2))) == (2, [5, 6, 7])
    assert run_compact(lake_storage) == []


def test_as_of_before_it_is_refused_with_what_can_be_read(lake_storage):
    fill(lake_storage)
    run_compact(lake_storage)
    orders = catalog(lake_storage)["orders"]
    with pytest.raises(UsageError, match="can no longer be read") as caught:
        orders.read(as_of=2)
    assert caught.value.fix == "read as of 5 or later"
    assert ids(catalog(lake_storage)["shops"].read(as_of=2)) == [9]


def test_files_of_today_and_large_ones_are_left_alone(local_lake):
    fill(local_lake)
    assert run_compact(local_lake, now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC)) == []
    assert run_compact(local_lake, target=1000) == []
    sizes = [file.bytes for commit in local_lake.published for file in commit.add if file.stream == "orders"]
    (done,) = run_compact(local_lake, target=sum(sizes[:3]))
    assert (done.files_before, done.files_after) == (5, 2)
    assert ids(catalog(local_lake)["orders"].read()) == [1, 2, 3, 4, 5, 6]


def test_table_versions_keep_apart(local_lake):
    for version in (1, 1, 2, 2):
        local_lake.commit(Part(numbered(version, version + 10), version=version), activate={"orders": version})
    local_lake.commit(Part(numbered(3)))
    local_lake.commit(Part(numbered(4)))
    before = [catalog(local_lake)["orders"].read(versions=versions) for versions in ("active", "all")]
    (done,) = run_compact(local_lake)
    assert (done.files_before, done.files_after) == (6, 3)
    assert [catalog(local_lake)["orders"].read(versions=versions) for versions in ("active", "all")] == before


def test_generations_keep_apart(local_lake):
    for generation in (1, 1, 2, 2):
        local_lake.commit(Part(numbered(generation), generation=generation))
    before = catalog(local_lake)["orders"].read()
    (done,) = run_compact(local_lake)
    assert (done.files_before, done.files_after) == (4, 2)
    assert catalog(local_lake)["orders"].read() == before


def test_files_that_keep_the_text_of_records_keep_apart(local_lake):
    for raw in (True, True, False, False, True):
        local_lake.commit(Part(numbered(1), raw=raw))
    asked = range(5)
    before = [catalog(local_lake)["orders"].read(since=since) for since in asked]
    (done,) = run_compact(local_lake)
    assert (done.files_before, done.files_after) == (4, 2)
    assert [catalog(local_lake)["orders"].read(since=since) for since in asked] == before
    assert run_compact(local_lake) == []


def test_a_damaged_file_is_never_written_on(local_lake):
    fill(local_lake)
    key = local_lake.published[0].add[0].key
    local_lake.storage.put(key, local_lake.storage.read(local_lake.published[1].add[0].key))
    with pytest.raises(StorageError, match="not as it was committed"):
        run_compact(local_lake)
    assert catalog(local_lake).histories()[0].commits()[-1].n == 4


def test_a_source_at_work_is_left_alone(local_lake):
    fill(local_lake)
    lock = local_lake.storage.lock(layout.lock_key("shop"))
    with pytest.raises(HeldError):
        run_compact(local_lake)
    lock.close()


def test_a_writer_that_was_faster_wins(lake_storage):
    fill(lake_storage)
    before = reads(lake_storage)[0]
    with hold_source(lake_storage.storage, "shop", NOW) as held:
        lake_storage.commit(Part(numbered(7), schema=WIDER))
        with pytest.raises(HeldError):
            list(compact(held, ["orders"], LARGE))
    orders = catalog(lake_storage)["orders"]
    assert orders.read().num_rows == before.num_rows + 1
    run_compact(lake_storage)
    assert ids(orders.read()) == [1, 2, 3, 4, 5, 6, 7]
    assert verify_lake(lake_storage.storage).findings == ()


@pytest.fixture(params=["local", "s3"])
def places(request, tmp_path):
    """Fresh places for lakes, one after the other."""
    if request.param == "s3":
        request.getfixturevalue("aws_credentials")
        endpoint = request.getfixturevalue("s3_endpoint")
        return lambda _: make_s3_place(endpoint)
    return lambda name: LakePlace("local", str(tmp_path / str(name)))


@pytest.mark.slow
def test_a_crash_at_any_step_leaves_readers_right_and_is_finished_by_the_next(places):
    def filled(name):
        writer = LakeWriter(places(name))
        writer.commit(Part(numbered(1, 2)))
        writer.commit(Part(numbered(3)))
        writer.commit(Part(numbered(4)))
        return writer

    counted = filled("counted")
    run_compact(counted, storage=(storage := CrashingStorage(counted.storage)))
    assert storage.changes > 6
    for step in crash_points(storage.changes, sample=4 if counted.place.kind == "s3" else 12):
        writer = filled(step)
        before = catalog(writer)["orders"].read()
        with pytest.raises(Crash):
            run_compact(writer, storage=CrashingStorage(writer.storage, step))
        seen = glob_ids(writer)
        assert len(seen) == len(set(seen)), f"a glob sees rows twice after a crash at step {step}"
        assert catalog(writer)["orders"].read() == before, f"readers are wrong after a crash at step {step}"
        run_compact(writer)
        assert catalog(writer)["orders"].read() == before
        assert glob_ids(writer) == [1, 2, 3, 4]
        assert len(catalog(writer)["orders"].files()) == 1
        assert verify_lake(writer.storage).findings == ()


@given(
    commits=st.lists(
        st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.booleans(), st.integers(0, 3)), min_size=1, max_size=2),
        min_size=1,
        max_size=5,
    ),
    target=st.sampled_from([1, 6000, LARGE]),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_has_landed_is_read_as_before(tmp_path_factory, commits, target):
    writer = LakeWriter(LakePlace("local", str(tmp_path_factory.mktemp("lake") / "lake")))
    number, wide = 0, False
    for parts in commits:
        built = []
        for version, widens, rows in parts:
            wide = wide or widens
            more = {"price": 0.5} if wide else {}
            built.append(
                Part(
                    numbered(*range(number, number + rows), **more),
                    schema=WIDER if wide else ID_AND_NAME,
                    version=version,
                )
            )
            number += rows
        newest = [version for version, _, _ in parts if version is not None]
        writer.commit(*built, activate={"orders": newest[-1]} if newest else None)
    orders = catalog(writer)["orders"]
    asked = [{"versions": versions, "since": since} for versions in ("active", "all") for since in range(len(commits))]
    before = [orders.read(**each) for each in asked]
    run_compact(writer, target=target)
    assert [orders.read(**each) for each in asked] == before
    assert verify_lake(writer.storage).findings == ()
