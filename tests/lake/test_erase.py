"""`lake erase`: what a condition is true for is gone from every file, and how many is all that is left of it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lake.catalog import Catalog
from lake.erase import erase
from lake.errors import QueryError
from lake.held_source import hold_source
from lake.verify import verify_lake
from target_datalake import layout
from tests.lake.crashes import Crash, CrashingStorage, crash_points
from tests.lake.test_cli import lake
from tests.lake.test_compact import catalog, glob_ids, run_compact
from tests.lake.writer import ID_AND_NAME, LakeWriter, Part, ids, numbered
from tests.places import LakePlace

NOW = datetime(2026, 2, 1, tzinfo=UTC)

NESTED = ID_AND_NAME.append(pa.field("address", pa.struct([("city", pa.string())])))


def line(raw: object, stream: str = "orders") -> dict[str, object]:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return {"stream": stream, "reason": "schema", "errors": [], "raw": text, "run": "r", "commit": 1, "line": 1}


def fill(writer: LakeWriter) -> None:
    """Ann has id 2: in three files, two versions, rejects of both kinds and the sample of a refused run."""
    rejects = (line({"id": "2", "name": 7}), line({"id": 3}), line({"id": "x"}), line("no json"))
    writer.commit(Part(numbered(1, 2, 3), rejected=rejects), Part(numbered(2), stream="shops"))
    writer.commit(Part(numbered(2), version=1))
    writer.commit(Part(numbered(4)), Part(numbered(2, 5), raw=True), state='{"bookmarks":{"orders":1}}')
    sample = "".join(json.dumps(each) + "\n" for each in (line({"id": 2}), line({"id": 2}, "shops"), line({"id": 6})))
    key = f"{layout.runs_prefix('shop')}/20260131T000000Z-00000000.rejected.jsonl"
    writer.storage.put(key, sample.encode(), private=True)


def run_erase(writer: LakeWriter, where: str = "id = 2", *, storage=None, stream: str = "orders", **options: bool):
    with hold_source(storage or writer.storage, "shop", NOW) as held:
        return erase(held, stream, where, **options)


def everything(writer: LakeWriter) -> bytes:
    """Return all bytes of a lake, what is gzipped unpacked."""
    storage, found = writer.storage, []
    for prefix in ("landing", "_lake"):
        for file in storage.list(prefix):
            data = b"" if file.key.startswith("_lake/lock/") else storage.read(file.key)
            found.append(gzip.decompress(data) if file.key.endswith(".gz") else data)
    return b"\0".join(filter(None, found))


def test_all_that_the_condition_is_true_for_is_gone(lake_storage):
    fill(lake_storage)
    done = run_erase(lake_storage)
    assert (done.rows, done.rejected, done.undecided, done.files, done.commit) == (3, 2, 2, 5, 4)
    orders = catalog(lake_storage)["orders"]
    assert ids(orders.read(versions="all")) == glob_ids(lake_storage) == [1, 3, 4, 5]
    assert [each["raw"] for each in orders.rejected()] == ['{"id": 3}', '{"id": "x"}', "no json"]
    assert ids(catalog(lake_storage)["shops"].read()) == [2]
    head = catalog(lake_storage).histories()[0].commits()[-1]
    assert (head.purpose, head.state) == ("erase", '{"bookmarks":{"orders":1}}')
    (entry,) = [entry for entry in orders.history() if entry.erased]
    assert (entry.commit, entry.erased) == (4, 5)
    assert verify_lake(lake_storage.storage).findings == ()
    assert run_erase(lake_storage).commit is None


def test_a_second_stream_in_a_sample_is_not_meant(lake_storage):
    fill(lake_storage)
    run_erase(lake_storage)
    (sample,) = [file.key for file in lake_storage.storage.list(layout.runs_prefix("shop"))]
    kept = [json.loads(each) for each in lake_storage.storage.read(sample).splitlines()]
    assert [(each["stream"], each["raw"]) for each in kept] == [("shops", '{"id": 2}'), ("orders", '{"id": 6}')]


def test_no_byte_of_a_person_stays_and_no_word_of_the_condition(local_lake):
    name = "Ann Nonymous-7261"
    raw = line({"id": "x", "name": name})
    local_lake.commit(Part([{"id": 1, "name": name}, {"id": 2, "name": "Bob"}], raw=True, rejected=(raw,)))
    local_lake.commit(Part([{"id": 3, "name": name}]))
    assert name.encode() in everything(local_lake)
    assert run_erase(local_lake, f"name = '{name}'").rows == 2
    assert name.encode() not in everything(local_lake)
    assert b"7261" not in everything(local_lake)
    assert list(Path(local_lake.place.path, "_lake/tmp/shop").iterdir()) == []


def test_since_goes_on_as_before(local_lake):
    fill(local_lake)
    run_compact(local_lake)
    run_erase(local_lake, "id = 3")
    orders = catalog(local_lake)["orders"]
    assert ids(orders.read(since=2)) == [4, 2, 5]
    assert ids(orders.read(since=1, versions="all")) == [2, 4, 2, 5]


def test_a_dry_run_counts_and_changes_nothing(local_lake):
    fill(local_lake)
    before = everything(local_lake)
    done = run_erase(local_lake, dry_run=True)
    assert (done.rows, done.rejected, done.undecided, done.commit) == (3, 2, 2, None)
    assert everything(local_lake) == before


def test_records_that_nobody_can_tell_about_go_when_that_is_asked_for(local_lake):
    fill(local_lake)
    done = run_erase(local_lake, undecided_too=True)
    assert (done.rejected, done.undecided) == (4, 0)
    assert [each["raw"] for each in catalog(local_lake)["orders"].rejected()] == ['{"id": 3}']


@pytest.mark.parametrize(
    ("where", "left"),
    [
        pytest.param("name LIKE 'order 1%'", [2], id="text"),
        pytest.param("address.city = 'Bonn'", [1], id="within an object"),
        pytest.param("_sdc_raw LIKE '%Bonn%'", [1], id="the text of records"),
        pytest.param("_sdc_extra->>'$.\"/email\"' = 'a@b.c'", [1, 2], id="an undeclared key"),
        pytest.param("id > 10", [1, 2], id="nothing"),
        pytest.param("NULL", [1, 2], id="neither true nor false"),
        pytest.param("true", [], id="everything"),
    ],
)
def test_a_condition_may_look_at_any_column(local_lake, where, left):
    rows = [
        {"id": 1, "name": "order 1", "address": {"city": "Ulm"}},
        {"id": 2, "name": "b", "address": {"city": "Bonn"}},
    ]
    local_lake.commit(Part(rows, schema=NESTED, raw=True, rejected=(line({"id": "x", "email": "a@b.c"}),)))
    run_erase(local_lake, where)
    assert ids(catalog(local_lake)["orders"].read()) == left
    kept = catalog(local_lake)["orders"].rejected()
    assert len(kept) == (0 if "email" in where or where == "true" else 1)


@pytest.mark.parametrize(
    "where",
    ["", "id = 1; DROP TABLE rows", "nosuch = 1", "id IN (SELECT 1)", "id = 1) OR (true", "count(*) > 1"],
)
def test_what_is_no_condition_is_refused_before_anything_changes(local_lake, where):
    fill(local_lake)
    before = everything(local_lake)
    with pytest.raises(QueryError):
        run_erase(local_lake, where)
    assert everything(local_lake) == before


def test_no_value_stands_in_the_message_of_a_condition_that_does_not_fit(local_lake):
    local_lake.commit(Part([{"id": 1, "name": "secret"}]))
    with pytest.raises(QueryError) as caught:
        run_erase(local_lake, "CAST(name AS INTEGER) = 1")
    assert "secret" not in caught.value.show()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["id = 2", "true"])
def test_a_crash_at_any_step_leaves_all_or_nothing_and_the_next_finishes(tmp_path, where):
    def filled(name: object) -> LakeWriter:
        writer = LakeWriter(LakePlace("local", str(tmp_path / str(name))))
        fill(writer)
        return writer

    counted = filled("counted")
    run_erase(counted, where, storage=(storage := CrashingStorage(counted.storage)))
    assert storage.changes > 6
    for step in crash_points(storage.changes, sample=8):
        writer = filled(step)
        before = ids(catalog(writer)["orders"].read(versions="all"))
        after = [] if where == "true" else [1, 3, 4, 5]
        with pytest.raises(Crash):
            run_erase(writer, where, storage=CrashingStorage(writer.storage, step))
        seen = glob_ids(writer)
        assert all(seen.count(number) <= before.count(number) for number in seen)
        assert ids(catalog(writer)["orders"].read(versions="all")) in (before, after)
        run_erase(writer, where)
        assert ids(catalog(writer)["orders"].read(versions="all")) == glob_ids(writer) == after
        assert verify_lake(writer.storage).findings == ()


def test_the_command_tells_what_it_did_and_what_it_could_not_decide(local_lake):
    fill(local_lake)
    at = ["orders", "--where", "id = 2", "--lake", local_lake.place.path]
    assert "Nothing was changed." in lake("erase", *at, "--dry-run").stdout
    assert lake("erase", *at, stdin=-3).returncode == 2
    done = lake("erase", *at, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 rows and 2 rejected records are erased for good by commit 4" in done.stdout
    assert "2 rejected records could not be decided about" in done.stdout
    assert Catalog(local_lake.place.path)["orders"].facts().rows == 4
