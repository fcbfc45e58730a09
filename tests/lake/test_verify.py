"""`lake verify` finds whatever was done to a lake behind the log's back, and nothing where nothing was."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest

from lake.catalog import Catalog, open_lake
from lake.runs import RunRecord, write_run
from lake.verify import verify_lake
from target_datalake import layout
from target_datalake.commits import encode_commit
from tests.lake.writer import LakeWriter, Part, numbered, rejected
from tests.places import LakePlace

DAMAGES = int(os.environ.get("LAKE_DAMAGES", "60"))


def fill(writer: LakeWriter) -> None:
    """Two streams, some rejects, a removed file, two schemas, a run's record."""
    broken = (rejected("/id", "expected integer, found string"),) * 3
    writer.commit(Part(numbered(*range(50)), rejected=broken), Part(numbered(1), stream="shops"))
    first = writer.published[0].add[0].key
    writer.commit(Part(numbered(7, 8)), state='{"bookmarks": {"orders": {"at": "2026-01-31T00:00:00Z"}}}')
    writer.commit(Part(numbered(*range(50)), raw=True), remove=(first,))
    run = RunRecord(
        run="20260131T120000Z-00c0ffee", source="shop", started_at="", ended_at="", seconds=1.0,
        outcome="succeeded", exit_code=0, commits=(1, 2, 3),
    )  # fmt: skip
    write_run(writer.storage, run)


def kinds(writer: LakeWriter) -> list[tuple[str, str]]:
    storage = open_lake(writer.place.path, writer.place.s3)
    return [(finding.kind, finding.key) for finding in verify_lake(storage).findings]


def test_a_sound_lake_has_nothing_wrong(lake_storage):
    fill(lake_storage)
    report = verify_lake(lake_storage.storage)
    assert report.findings == ()
    live = [file for commit in lake_storage.published for file in (*commit.add, *commit.rejected)]
    assert report.files == len(live) - 1
    assert report.bytes == sum(file.bytes for file in live if file.key not in lake_storage.published[-1].remove)


def test_a_dataset_is_verified_alone(lake_storage):
    fill(lake_storage)
    catalog = Catalog(lake_storage.place.path, s3=lake_storage.place.s3)
    lake_storage.storage.delete(lake_storage.published[0].add[1].key)
    assert catalog["orders"].verify().findings == ()
    (finding,) = catalog["shops"].verify().findings
    assert (finding.kind, finding.key) == ("missing", lake_storage.published[0].add[1].key)


def strange(writer: LakeWriter) -> dict[str, str]:
    """Return the key of a file for each kind of finding that a file more or less makes."""
    landed = writer.published[1].add[0].key
    folder = landed.rpartition("/")[0]
    return {
        "foreign": f"{folder}/part-0.parquet",
        "orphan": f"{folder}/00000002-07-00000000deadbeef.parquet",
        "leftover": writer.published[0].add[0].key,
    }


@pytest.mark.parametrize("prefix", ["_lake/log/shop", "_lake/runs/shop"])
def test_a_flipped_bit_that_leaves_no_utf_8_is_found(local_lake, prefix):
    """It ended `lake verify` with a traceback: msgspec raises an error of another kind for it."""
    fill(local_lake)
    key = next(file.key for file in local_lake.storage.list(prefix))
    data = local_lake.storage.read(key)
    local_lake.storage.put(key, data.replace(b"shop", b"s\xe8op", 1))
    assert key in [found for _, found in kinds(local_lake)]


@pytest.mark.parametrize("kind", ["foreign", "orphan", "leftover"])
def test_a_file_that_the_log_does_not_name_is_found(lake_storage, kind):
    fill(lake_storage)
    key = strange(lake_storage)[kind]
    lake_storage.storage.put(key, b"PAR1")
    assert kinds(lake_storage) == [(kind, key)]


@pytest.mark.parametrize(
    "key",
    [
        "landing/readme.txt",
        "landing/shop/readme.txt",
        "landing/nobody/orders/load_date=2026-01-31/00000001-00-0000000000000001.parquet",
        "_lake/notes.txt",
        "_lake/rejected/shop/orders/more.jsonl.gz",
        "_lake/schemas/shop/orders/a.json",
        "_lake/merge/shop/x",
    ],
)
def test_a_foreign_file_is_found_wherever_it_stands(local_lake, key):
    fill(local_lake)
    local_lake.storage.put(key, b"hello")
    assert [found for _, found in kinds(local_lake)] == [key]


def test_a_schema_that_is_not_there_is_found(lake_storage):
    fill(lake_storage)
    (key,) = [file.key for file in lake_storage.storage.list("_lake/schemas/shop/shops")]
    lake_storage.storage.delete(key)
    assert kinds(lake_storage) == [("missing", key)]


def test_a_log_without_one_of_its_entries_is_found(local_lake):
    fill(local_lake)
    local_lake.storage.delete(layout.log_key("shop", 2))
    found = dict(kinds(local_lake))
    assert found == {"log": layout.log_key("shop", 2), "orphan": local_lake.published[1].add[0].key}


def test_a_log_without_its_end_is_found_by_what_stands_there(local_lake):
    fill(local_lake)
    local_lake.storage.delete(layout.log_key("shop", 3))
    found = dict(kinds(local_lake))
    assert found["orphan"] == local_lake.published[2].add[0].key
    assert found["log"] == "_lake/runs/shop/20260131T120000Z-00c0ffee.json"


def test_an_entry_with_another_parent_is_found(local_lake):
    fill(local_lake)
    changed = msgspec.structs.replace(local_lake.published[1], parent="0" * 16)
    local_lake.storage.put(layout.log_key("shop", 2), encode_commit(changed))
    assert kinds(local_lake) == [("log", layout.log_key("shop", 2))]


def test_rows_that_the_log_counts_otherwise_are_found(local_lake):
    fill(local_lake)
    commit = local_lake.published[1]
    (file,) = commit.add
    changed = msgspec.structs.replace(commit, add=(msgspec.structs.replace(file, rows=3),))
    local_lake.storage.put(layout.log_key("shop", 2), encode_commit(changed))
    assert kinds(local_lake) == [("rows", file.key)]


def test_rejected_records_that_are_no_json_are_found(local_lake):
    fill(local_lake)
    commit = local_lake.published[0]
    (file,) = commit.rejected
    data = gzip.compress(b"{\n")
    local_lake.storage.put(file.key, data)
    assert kinds(local_lake) == [("changed", file.key)]


def test_a_last_commit_that_is_not_published_is_told_as_such(lake_storage):
    fill(lake_storage)
    commit = lake_storage.commit(Part(numbered(9)), publish=False)
    found = kinds(lake_storage)
    # on a disk the staged file is there to be seen: nothing is wrong, the next run publishes it
    assert found == ([] if lake_storage.place.kind == "local" else [("unpublished", commit.add[0].key)])


def test_a_lake_is_not_changed_by_looking(local_lake):
    fill(local_lake)
    before = snapshot(Path(local_lake.place.path))
    verify_lake(local_lake.storage)
    assert snapshot(Path(local_lake.place.path)) == before


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


PROMISED = ("landing/", "_lake/rejected/", "_lake/log/", "_lake/schemas/")


def damage(root: Path, draw: random.Random) -> str:
    """Damage one file of a lake in one way, and return what was done."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    files = [path for path in files if str(path.relative_to(root)).startswith(PROMISED)]
    path = draw.choice(files)
    data = bytearray(path.read_bytes())
    kind = draw.choice(["flip", "truncate", "delete", "swap", "foreign", "append"])
    if kind == "flip":
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
    elif kind == "truncate":
        path.write_bytes(data[: draw.randrange(len(data))])
    elif kind == "append":
        path.write_bytes(data + draw.randbytes(3))
    elif kind == "delete":
        path.unlink()
    elif kind == "swap":
        other = draw.choice([each for each in files if each.read_bytes() != data])
        path.write_bytes(other.read_bytes())
        other.write_bytes(data)
    else:
        path.with_name(f"{draw.randrange(10**8)}{path.suffix}").write_bytes(data)
    return f"{kind} {path.relative_to(root)}"


@pytest.mark.slow
def test_every_random_damage_is_found(tmp_path):
    fill(LakeWriter(LakePlace("local", str(tmp_path / "whole"))))
    draw, missed = random.Random(20260131), []
    for _ in range(DAMAGES):
        shutil.rmtree(tmp_path / "lake", ignore_errors=True)
        shutil.copytree(tmp_path / "whole", tmp_path / "lake")
        done = damage(tmp_path / "lake", draw)
        if not verify_lake(open_lake(tmp_path / "lake")).findings:
            missed.append(done)
    assert missed == []


def test_the_log_keeps_a_digest_of_each_entry(local_lake):
    fill(local_lake)
    entry = json.loads(local_lake.storage.read(layout.log_key("shop", 1)))
    assert list(entry)[-1] == "check"
    assert len(entry["check"]) == 64
