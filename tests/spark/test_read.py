"""`read("spark")` gives the rows of `read()`, which Spark reads itself, of the files that the log names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lake.catalog import Catalog
from lake.errors import QueryError, UsageError
from target_datalake.arrow_schema import RAW_FIELD
from target_datalake.errors import StorageError
from tests.lake.damages import DAMAGES
from tests.lake.writer import LakeWriter, Part
from tests.places import LakePlace, make_s3_place
from tests.spark.test_engine import SCHEMA, orders

if TYPE_CHECKING:
    from lake.dataset import Dataset

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

WIDER = SCHEMA.append(pa.field("_sdc_deleted_at", pa.timestamp("us", "UTC"))).append(pa.field("new", pa.string()))
ANCIENT = datetime(1066, 10, 14, 9, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def local_lake(tmp_path) -> LakeWriter:
    return filled(LakeWriter(LakePlace("local", str(tmp_path / "lake"))))


def filled(writer: LakeWriter) -> LakeWriter:
    """Land orders in four commits: with more columns, nulls, an old time, and what no column holds."""
    writer.commit(Part(orders(*range(1, 30)), schema=SCHEMA))
    writer.commit(Part([{**row, "seen": ANCIENT} for row in orders(7, 31)], schema=SCHEMA))
    extra = {"_sdc_extra": '{"/price": "1e400", "/odd": [1, null]}'}
    writer.commit(Part([{**row, "new": "ü", **extra} for row in orders(3, 40)], schema=WIDER))
    writer.commit(Part([{"id": 5, "_sdc_deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}], schema=WIDER))
    return writer


def dataset(writer: LakeWriter) -> Dataset:
    return Catalog.over(writer.storage)["orders"]


def same_rows(frame: Any, table: pa.Table) -> bool:
    """Tell whether both have the same columns, types and rows, in whatever order."""
    theirs = frame.toArrow()
    assert theirs.column_names == table.column_names
    types, expected = (
        [str(each.type).replace("<element: ", "<item: ") for each in of.schema] for of in (theirs, table)
    )
    assert types == expected
    return Counter(map(repr, theirs.to_pylist())) == Counter(map(repr, table.to_pylist()))


def types_of(schema: pa.Schema) -> list[str]:
    """Return the types of columns, whatever the elements of lists are called."""
    return [str(each.type).replace("<element: ", "<item: ") for each in schema]


ASKED: list[dict[str, Any]] = [
    {},
    {"columns": ["price", "id"]},
    {"where": "id >= 7 AND price > 8.25"},
    {"where": "new IS NOT NULL", "columns": ["author"]},
    {"where": "author.name = 'n1'"},
    {"where": "seen < TIMESTAMPTZ '1200-01-01 00:00:00+00'"},
    {"latest": True},
    {"latest": True, "columns": ["stars"], "where": "ok"},
    {"as_of": 2},
    {"since": 2},
    {"as_of": 3, "since": 1, "latest": True},
    {"as_of": 0},
    {"versions": "all"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_its_rows_are_those_of_arrow(local_lake, session, asked):
    found = dataset(local_lake)
    assert same_rows(found.read("spark", **asked), found.read(**asked))


def test_rows_of_files_that_were_merged_are_read_from_where_they_begin(local_lake, session):
    from lake.compact import compact
    from lake.held_source import hold_source

    with hold_source(local_lake.storage, "shop", datetime(2026, 3, 1, tzinfo=UTC)) as held:
        list(compact(held, ["orders"], 1 << 30))
    found = dataset(local_lake)
    assert any(file.skip_rows for file in found.files(since=2))
    for asked in ({}, {"since": 2}, {"as_of": 5, "since": 1}):
        assert same_rows(found.read("spark", **asked), found.read(**asked))


def test_the_text_of_records_is_read_where_it_was_kept(tmp_path, session):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    writer.commit(Part([{"id": 1, "_sdc_raw": '{"id": 1.0}'}], schema=pa.schema([("id", pa.int64()), RAW_FIELD])))
    found = dataset(writer)
    assert same_rows(found.read("spark"), found.read())
    assert same_rows(found.read("spark", columns=["_sdc_raw"]), found.read(columns=["_sdc_raw"]))


def test_a_built_dataset_is_read_too(local_lake, session, tmp_path):
    from tests.lake.zones.bench import Bench

    bench = Bench(local_lake, tmp_path / "zones")
    bench.write("business/big.sql", "SELECT id, price, author FROM landing.orders WHERE id > 20")
    assert bench.outcomes("business.big") == {"business.big": "built"}
    big = Catalog.over(local_lake.storage)["business.big"]
    assert same_rows(big.read("spark"), big.read())
    assert same_rows(big.read("spark", latest=True), big.read(latest=True))


def test_only_the_log_s_own_files_are_read(local_lake, session):
    found = dataset(local_lake)
    stray = Path(local_lake.place.path, found.files()[0].key).with_name("00000099-00-stray.parquet")
    stray.write_bytes(Path(local_lake.place.path, found.files()[0].key).read_bytes())
    assert found.read("spark").count() == found.read().num_rows


def test_a_condition_that_spark_may_answer_otherwise_is_refused(local_lake, session):
    with pytest.raises(QueryError, match="LOWER") as refusal:
        dataset(local_lake).read("spark", where="lower(new) = 'ü'")
    assert "leave where out" in refusal.value.fix
    with pytest.raises(QueryError, match="one row alone"):
        dataset(local_lake).read("spark", where="id = (SELECT max(id) FROM rows)")


def test_a_session_that_takes_sql_otherwise_is_left_alone_and_takes_no_condition(local_lake, session):
    name = "spark.sql.session.timeZone"
    session.conf.set(name, "Asia/Tokyo")
    try:
        assert dataset(local_lake).read("spark").count() == 34
        with pytest.raises(UsageError, match=name):
            dataset(local_lake).read("spark", where="id = 1")
        assert session.conf.get(name) == "Asia/Tokyo"
    finally:
        session.conf.set(name, "UTC")


def test_a_column_that_spark_has_no_type_for_is_refused_by_name(tmp_path, session):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    schema = pa.schema([("id", pa.int64()), ("at", pa.time64("us"))])
    writer.commit(Part([{"id": 1, "at": time(1, 2, 3)}], schema=schema))
    with pytest.raises(UsageError, match='"at" has the type time64') as refusal:
        dataset(writer).read("spark")
    assert "columns=" in refusal.value.fix
    assert dataset(writer).read("spark", columns=["id"]).count() == 1


def test_a_column_that_landed_under_unlike_types_is_refused_by_name(tmp_path, session):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    writer.commit(Part([{"id": 1, "v": 5}], schema=pa.schema([("id", pa.int64()), ("v", pa.int64())])))
    writer.commit(Part([{"id": 2, "v": True}], schema=pa.schema([("id", pa.int64()), ("v", pa.bool_())])))
    with pytest.raises(UsageError, match='"v" landed under unlike types'):
        dataset(writer).read("spark")


@pytest.mark.parametrize("name", ["gone", "cut", "empty"])
def test_a_file_that_is_not_what_was_committed_is_a_storage_error_that_names_it(local_lake, session, name):
    key = dataset(local_lake).files()[1].key
    DAMAGES[name](Path(local_lake.place.path, key))
    with pytest.raises(StorageError) as told:
        dataset(local_lake).read("spark")
    assert key in told.value.show()
    assert told.value.exit_code == 6


def test_without_s3a_the_message_says_what_to_give_the_session(session, aws_credentials, s3_endpoint):
    writer = filled(LakeWriter(make_s3_place(s3_endpoint)))
    with pytest.raises(UsageError, match="lacks Hadoop's S3A") as refusal:
        dataset(writer).read("spark")
    assert "spark.jars.packages" in refusal.value.fix


def test_over_s3_spark_is_given_each_file_by_its_s3a_address(session, tmp_path, aws_credentials, s3_endpoint):
    """The addresses lead into a folder here, since S3A itself does not come with pyspark."""
    place = make_s3_place(s3_endpoint)
    writer = filled(LakeWriter(place))
    bucket = place.path.removeprefix("s3://").partition("/")[0]
    found = dataset(writer)
    for file in found.files():
        path = tmp_path / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        with writer.storage.open(file.key) as stored:
            path.write_bytes(stored.read())
        path.with_name(f"stray-{path.name}").write_bytes(b"no Parquet")
    settings = {
        "fs.s3a.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "fs.viewfs.overload.scheme.target.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        f"fs.viewfs.mounttable.{bucket}.link./some/lake": f"file://{tmp_path}",
    }
    for name, value in settings.items():
        session.conf.set(name, value)
    try:
        for asked in ASKED:
            frame = found.read("spark", **asked)
            files = found.files(**{name: asked[name] for name in ("as_of", "since", "versions") if name in asked})
            assert {uri.partition("landing/")[2] for uri in frame.inputFiles()} == {
                file.key.removeprefix("landing/") for file in files
            }
            assert same_rows(frame, found.read(**asked)), asked
    finally:
        for name in settings:
            session.conf.unset(name)


def test_without_a_session_one_is_started(tmp_path):
    filled(LakeWriter(LakePlace("local", str(tmp_path / "lake"))))
    program = (
        "from lake import Catalog; from pyspark.sql import SparkSession; "
        "assert SparkSession.getActiveSession() is None; "
        f'frame = Catalog({str(tmp_path / "lake")!r})["orders"].read("spark", where="id = 31"); '
        'print(type(frame).__name__, [row["price"] for row in frame.collect()])'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.stdout.split("\n")[-2] == f"DataFrame [{Decimal('31.25')!r}]", done.stderr


def test_a_running_session_is_the_one_that_reads(local_lake, session):
    assert dataset(local_lake).read("spark").sparkSession is session
