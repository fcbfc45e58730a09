from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pytest

from lake import Catalog
from lake.errors import MissingExtraError, QueryError, UsageError
from target_datalake import layout
from target_datalake.arrow_schema import METADATA_FIELDS
from target_datalake.errors import StorageError
from tests.lake.writer import ID_AND_NAME, LakeWriter, Part, ids, numbered, rejected
from tests.places import LakePlace

MONEY = pa.decimal128(38, 2)
GROWN = pa.struct([("a", pa.float64()), ("b", pa.string())])
INTEGERS = pa.list_(pa.field("element", pa.int64()))
NUMBERS = pa.list_(pa.field("element", pa.float64()))


def dataset(writer: LakeWriter, name: str = "orders"):
    return Catalog(writer.place.path, s3=writer.place.s3)[name]


@pytest.fixture
def snapshots(lake_storage: LakeWriter) -> LakeWriter:
    """A full table: version 1 landed whole, version 2 landed whole, version 3 begun."""
    lake_storage.commit(Part(numbered(1, 2), version=1), activate={"orders": 1})
    lake_storage.commit(Part(numbered(1), version=2))
    lake_storage.commit(Part(numbered(2, 3), version=2), activate={"orders": 2})
    lake_storage.commit(Part(numbered(1), version=3))
    return lake_storage


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, [1, 2, 3], id="the last whole snapshot"),
        pytest.param({"versions": "all"}, [1, 2, 1, 2, 3, 1], id="everything that ever landed"),
        pytest.param({"as_of": 1}, [1, 2], id="as of the first"),
        pytest.param({"as_of": 2}, [1, 2], id="as of a snapshot that was not whole yet"),
        pytest.param({"as_of": 3}, [1, 2, 3], id="as of its last commit"),
        pytest.param({"as_of": 0}, [], id="as of before the first commit"),
        pytest.param({"since": 2}, [2, 3], id="since a commit"),
        pytest.param({"versions": "all", "since": 1, "as_of": 3}, [1, 2, 3], id="between two commits"),
    ],
)
def test_read_gives_the_rows_of_a_version(snapshots, options, expected):
    found = dataset(snapshots)
    assert ids(found.read(**options)) == expected
    assert ids(found.scan(**options).to_table()) == expected
    assert sum(file.rows for file in found.files(**options)) == len(expected)


def test_read_gives_the_columns_and_their_metadata_without_the_load_date(lake_storage):
    lake_storage.commit(Part(numbered(1)))
    table = dataset(lake_storage).read()
    assert table.schema == pa.schema([*ID_AND_NAME, *METADATA_FIELDS])
    assert table.schema == dataset(lake_storage).schema


def test_columns_are_read_in_the_order_asked(local_lake):
    local_lake.commit(Part(numbered(1)))
    table = dataset(local_lake).read(columns=["name", "_sdc_sequence", "id"])
    assert table.column_names == ["name", "_sdc_sequence", "id"]
    assert table.column("name").to_pylist() == ["order 1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"engine": "panda"}, "there is no engine 'panda'; did you mean 'pandas'?", id="engine"),
        pytest.param({"columns": ["nam"]}, "there is no column 'nam'; did you mean 'name'?", id="column"),
        pytest.param({"columns": "id"}, "columns is the text 'id'; write columns=['id']", id="one column"),
        pytest.param({"columns": []}, "no column is named; leave columns out to read all of them", id="no column"),
        pytest.param({"versions": "al"}, "there is no versions 'al'; did you mean 'all'?", id="versions"),
        pytest.param({"as_of": 7}, "there is no commit 7: the last one is 1; use 0 to 1", id="as of"),
        pytest.param({"since": -1}, "there is no commit -1; commits count from 1; 0 leaves out none", id="since"),
    ],
)
def test_an_argument_that_names_nothing_is_told(local_lake, options, message):
    local_lake.commit(Part(numbered(1)))
    with pytest.raises(UsageError) as caught:
        dataset(local_lake).read(**options)
    assert str(caught.value) == message


def test_a_column_that_came_later_is_null_before(lake_storage):
    wider = ID_AND_NAME.append(pa.field("price", pa.float64()))
    lake_storage.commit(Part(numbered(1)))
    lake_storage.commit(Part(numbered(2, price=2.5), schema=wider))
    found = dataset(lake_storage)
    assert found.read().column("price").to_pylist() == [None, 2.5]
    assert found.read(as_of=1).schema == pa.schema([*ID_AND_NAME, *METADATA_FIELDS])


@pytest.mark.parametrize(
    ("kinds", "values", "unified", "expected"),
    [
        pytest.param((pa.int64(), pa.float64()), (7, 1.5), pa.float64(), [7.0, 1.5], id="integer, then number"),
        pytest.param(
            (pa.int64(), MONEY),
            (7, Decimal("1.50")),
            MONEY,
            [Decimal("7.00"), Decimal("1.50")],
            id="integer, then decimal",
        ),
        pytest.param(
            (pa.struct([("a", pa.int64())]), GROWN),
            ({"a": 1}, {"a": 0.5, "b": "x"}),
            GROWN,
            [{"a": 1.0, "b": None}, {"a": 0.5, "b": "x"}],
            id="an object that grew",
        ),
        pytest.param(
            (INTEGERS, NUMBERS), ([1], [0.5]), NUMBERS, [[1.0], [0.5]], id="an array of integers, then of numbers"
        ),
        pytest.param((pa.string(), pa.int64()), ('a"b', 1), pa.string(), ['"a\\"b"', "1"], id="string, then integer"),
        pytest.param(
            (pa.date32(), pa.bool_()),
            (date(2026, 1, 2), True),
            pa.string(),
            ['"2026-01-02"', "true"],
            id="date, then boolean",
        ),
        pytest.param(
            (pa.timestamp("us", "UTC"), MONEY),
            (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), Decimal("1.10")),
            pa.string(),
            ['"2026-01-02T03:04:05.000006Z"', "1.10"],
            id="time, then decimal",
        ),
        pytest.param(
            (pa.struct([("a", pa.time64("us"))]), INTEGERS),
            ({"a": time(1, 2, 3)}, [1]),
            pa.string(),
            ['{"a":"01:02:03"}', "[1]"],
            id="object, then array",
        ),
    ],
)
def test_generations_are_read_under_one_schema(local_lake, kinds, values, unified, expected):
    """Types that no column holds together are read as JSON text."""
    first, second = (pa.schema([("id", pa.int64()), ("v", kind)]) for kind in kinds)
    local_lake.commit(Part([{"id": 1, "v": values[0]}, {"id": 2, "v": None}], schema=first))
    local_lake.commit(Part([{"id": 3, "v": values[1]}], schema=second, generation=2))
    found = dataset(local_lake)
    table = found.read()
    assert table.schema.field("v").type == unified
    assert table.column("v").to_pylist() == [expected[0], None, expected[1]]
    assert found.schema == table.schema
    assert found.scan().to_table().equals(table)
    assert found.read(as_of=1).schema.field("v").type == kinds[0]


def test_a_snapshot_in_a_new_generation_has_its_own_type(local_lake):
    local_lake.commit(Part([{"id": "x"}], schema=pa.schema([("id", pa.string())]), version=1), activate={"orders": 1})
    local_lake.commit(
        Part([{"id": 1}], schema=pa.schema([("id", pa.int64())]), version=2, generation=2), activate={"orders": 2}
    )
    assert dataset(local_lake).read().schema.field("id").type == pa.int64()
    assert ids(dataset(local_lake).read(versions="all")) == ['"x"', "1"]


def test_the_text_of_records_is_read_where_it_was_kept(lake_storage):
    lake_storage.commit(Part(numbered(1)))
    assert "_sdc_raw" not in dataset(lake_storage).schema.names
    assert dataset(lake_storage).read(columns=["_sdc_raw"]).column("_sdc_raw").to_pylist() == [None]
    lake_storage.commit(Part(numbered(2), raw=True))
    found = dataset(lake_storage)
    assert found.schema.names[-1] == "_sdc_raw"
    assert found.read().schema == found.schema
    assert found.read().column("_sdc_raw").to_pylist() == [None, '{"id": 2, "name": "order 2"}']
    assert found.read(columns=["id"]).column_names == ["id"]


def test_an_empty_dataset_is_an_empty_table_with_its_columns(lake_storage):
    lake_storage.commit(Part([], rejected=(rejected("/id", "expected integer, found string"),)))
    found = dataset(lake_storage)
    assert found.read().num_rows == 0
    assert found.read().schema == pa.schema([*ID_AND_NAME, *METADATA_FIELDS])
    assert found.schema == found.read().schema
    assert found.head().num_rows == 0
    assert list(found.read("pandas").columns) == found.schema.names


def test_rejected_records_are_read_with_their_reasons(lake_storage):
    lines = (rejected("/id", "expected integer"), rejected("/name", "too long"))
    lake_storage.commit(Part(numbered(1), rejected=lines[:1]))
    lake_storage.commit(Part([], rejected=lines[1:]))
    assert dataset(lake_storage).rejected() == list(lines)


def test_pandas_keeps_a_nullable_int64_exact(local_lake):
    local_lake.commit(Part([{"id": 2**63 - 1}, {"id": None}]))
    frame = dataset(local_lake).read("pandas")
    assert frame["id"].dtype == pd.ArrowDtype(pa.int64())
    assert frame["id"][0] == 2**63 - 1
    assert frame["id"].isna().tolist() == [False, True]


def test_polars_and_duckdb_get_the_same_rows(lake_storage):
    lake_storage.commit(Part([{"id": 2**63 - 1, "name": "a"}, {"id": None, "name": "b"}]))
    lake_storage.commit(Part(numbered(3)))
    found = dataset(lake_storage)
    expected = found.read(columns=["id", "name"]).to_pydict()
    assert found.read("polars", columns=["id", "name"]).to_dict(as_series=False) == expected
    relation = found.read("duckdb", columns=["id", "name"])
    assert relation.filter("id IS NOT NULL").to_arrow_table().column("id").to_pylist() == [2**63 - 1, 3]
    assert relation.to_arrow_table().to_pydict() == expected


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_without_a_library_the_message_says_what_to_install(local_lake, monkeypatch, library):
    local_lake.commit(Part(numbered(1)))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'rest-datalake\[{library}\]'"):
        dataset(local_lake).read(library)


class TestWhere:
    """A condition in SQL on one row, applied last."""

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            pytest.param("id >= 2", [2, 3, 4], id="comparison"),
            pytest.param("name LIKE '%3' OR id = 1", [1, 3], id="or"),
            pytest.param("ID = 2", [2], id="another case"),
            pytest.param('"id" IN (2, 4)', [2, 4], id="quoted"),
            pytest.param("id IS NULL", [], id="none"),
            pytest.param("true", [1, 2, 3, 4], id="all"),
            pytest.param("_sdc_sequence > 0", [1, 2, 3, 4], id="metadata"),
            pytest.param("id = 1 -- the first", [1], id="comment"),
        ],
    )
    def test_the_rows_for_which_it_is_true_in_their_order(self, lake_storage, where, expected):
        lake_storage.commit(Part(numbered(1, 2, 3)))
        lake_storage.commit(Part(numbered(4)))
        assert ids(dataset(lake_storage).read(where=where)) == expected

    def test_it_may_name_columns_that_are_not_read(self, local_lake):
        local_lake.commit(Part(numbered(1, 2)))
        table = dataset(local_lake).read(columns=["name"], where="id = 2")
        assert table.to_pydict() == {"name": ["order 2"]}

    @pytest.mark.parametrize(
        "where",
        [
            *(
                "id >",
                "id = 1) OR (true",
                "id = 1; DROP TABLE x",
                "",
                "nome = 1",
                "name > DATE 'x'",
                "id IN (SELECT 1)",
            ),
            *("max(id) = 1", "row_number() OVER () = 1", "true GROUP BY id", "x IN read_text('/etc/passwd')"),
        ],
    )
    def test_what_is_no_condition_on_one_row_is_refused(self, local_lake, where):
        local_lake.commit(Part(numbered(1)))
        with pytest.raises(QueryError) as refused:
            dataset(local_lake).read(where=where)
        assert refused.value.exit_code == 2

    def test_no_value_passes_through_duckdbs_types(self, local_lake):
        schema = pa.schema([("id", pa.int64()), ("v", GROWN), ("n", NUMBERS), ("m", pa.decimal128(38, 2))])
        row = {"id": 1, "v": {"a": 0.1, "b": "x"}, "n": [0.1, None], "m": Decimal("99999999999999999999999999.99")}
        local_lake.commit(Part([row, {"id": 2}], schema=schema))
        found = dataset(local_lake)
        assert found.read(where="v.a < 1 OR m > 0").equals(found.read().slice(0, 1))


class TestLatest:
    """One row for each primary key: the last that came, unless it was deleted."""

    def test_the_last_row_of_each_key_in_the_order_of_landing(self, lake_storage):
        lake_storage.commit(Part(numbered(1, 2, 3)))
        lake_storage.commit(Part([{"id": 2, "name": "new"}, {"id": 4, "name": "four"}]))
        lake_storage.commit(Part([{"id": 2, "name": "newest"}]))
        table = dataset(lake_storage).read(columns=["id", "name"], latest=True)
        assert table.to_pydict() == {"id": [1, 3, 4, 2], "name": ["order 1", "order 3", "four", "newest"]}

    def test_a_key_that_is_no_column_tells_no_rows_apart(self, local_lake):
        """Such a key ended in pyarrow's KeyError, and every build of its default clean dataset failed."""
        local_lake.commit(Part([{"name": "a"}, {"name": "b"}], schema=pa.schema([("name", pa.string())])))
        assert dataset(local_lake).key_properties == ()
        assert dataset(local_lake).read(latest=True).column("name").to_pylist() == ["a", "b"]

    def test_of_what_was_there_after_a_commit(self, local_lake):
        local_lake.commit(Part(numbered(1)))
        local_lake.commit(Part([{"id": 1, "name": "new"}]))
        assert dataset(local_lake).read(latest=True, as_of=1).column("name").to_pylist() == ["order 1"]

    def test_a_deleted_row_is_gone_and_one_that_came_back_is_there(self, local_lake):
        schema = ID_AND_NAME.append(pa.field("_sdc_deleted_at", pa.timestamp("us", "UTC")))
        gone = datetime(2026, 1, 31, tzinfo=UTC)
        local_lake.commit(Part(numbered(1, 2), schema=schema))
        local_lake.commit(Part(numbered(1, 2, _sdc_deleted_at=gone), schema=schema))
        local_lake.commit(Part(numbered(2), schema=schema))
        assert ids(dataset(local_lake).read(latest=True)) == [2]
        assert ids(dataset(local_lake).read(columns=["id"], latest=True)) == [2]

    def test_the_condition_is_applied_to_the_latest_rows(self, local_lake):
        local_lake.commit(Part(numbered(1)))
        local_lake.commit(Part([{"id": 1, "name": "new"}]))
        assert ids(dataset(local_lake).read(latest=True, where="name = 'order 1'")) == []

    def test_a_null_key_is_one_key(self, local_lake):
        local_lake.commit(Part([{"id": None, "name": "a"}, {"id": None, "name": "b"}]))
        assert dataset(local_lake).read(latest=True).column("name").to_pylist() == ["b"]

    def test_of_all_versions_is_refused(self, local_lake):
        local_lake.commit(Part(numbered(1)))
        with pytest.raises(UsageError, match="active version"):
            dataset(local_lake).read(latest=True, versions="all")


def test_a_scan_reads_only_what_is_asked_for(local_lake):
    local_lake.commit(Part(numbered(*range(100))))
    scan = dataset(local_lake).scan()
    assert scan.to_table(columns=["id"], filter=pads.field("id") > 97).to_pydict() == {"id": [98, 99]}
    assert scan.count_rows() == 100


def test_batches_are_the_rows_of_read(local_lake):
    local_lake.commit(Part(numbered(1, 2)))
    local_lake.commit(Part(numbered(3)))
    found = dataset(local_lake)
    assert found.batches().read_all().equals(found.read())
    assert (
        found.batches(columns=["name"], where="id > 1").read_all().equals(found.read(columns=["name"], where="id > 1"))
    )


def test_a_notebook_shows_what_a_dataset_is_and_hostile_text_is_inert(local_lake):
    local_lake.commit(Part([{"id": 1, "name": "<script>alert(1)</script>"}]))
    catalog = Catalog(local_lake.place.path)
    html = catalog["orders"]._repr_html_()
    assert "landing.shop.orders" in html
    assert "Orders: What was ordered" in html
    assert "<td>The order&#x27;s number</td>" in html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<td>orders</td><td>1</td>" in catalog._repr_html_()


def test_a_reader_sees_the_commit_before_a_head_that_is_being_published(lake_storage):
    lake_storage.commit(Part(numbered(1)))
    lake_storage.commit(Part(numbered(2)), publish=False)
    assert ids(dataset(lake_storage).read()) == [1]


def test_head_reads_the_newest_file(lake_storage):
    lake_storage.commit(Part(numbered(1, 2)))
    lake_storage.commit(Part(numbered(3, 4, 5)))
    assert ids(dataset(lake_storage).head(2)) == [3, 4]


def test_history_tells_of_each_commit(lake_storage):
    lake_storage.commit(Part(numbered(1, 2), rejected=(rejected("/id", "x"),)))
    lake_storage.commit(Part(numbered(3), stream="shops"))
    lake_storage.commit(Part(numbered(4), version=7), activate={"orders": 7})
    history = dataset(lake_storage).history()
    assert [(entry.commit, entry.received, entry.landed, entry.rejected, entry.activated) for entry in history] == [
        (1, 3, 2, 1, None),
        (3, 1, 1, 0, 7),
    ]


def test_what_the_schema_says_of_the_stream(local_lake):
    local_lake.commit(Part(numbered(1)))
    found = dataset(local_lake)
    assert found.description == "Orders: What was ordered"
    assert found.key_properties == ("id",)
    assert [(column.name, column.type, column.description) for column in found.outline(found.facts()).columns] == [
        ("id", "int64", "The order's number"),
        ("name", "string", ""),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda _: b"", id="emptied"),
        pytest.param(lambda _: b"x" * 400, id="overwritten"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(local_lake, damage):
    commit = local_lake.commit(Part(numbered(*range(100))))
    key = commit.add[0].key
    local_lake.storage.put(key, damage(local_lake.storage.read(key)))
    with pytest.raises(StorageError, match="a data file is damaged") as caught:
        dataset(local_lake).read()
    assert caught.value.where.endswith(key)


def test_a_missing_file_is_an_error_that_names_it(lake_storage):
    commit = lake_storage.commit(Part(numbered(1)))
    lake_storage.commit(Part(numbered(2)))
    lake_storage.storage.delete(commit.add[0].key)
    with pytest.raises(StorageError, match="no such"):
        dataset(lake_storage).read()


def sorted_rows(table: pa.Table) -> list[dict[str, object]]:
    return table.sort_by("_sdc_sequence").to_pylist()


def test_engines_that_glob_the_folder_agree_with_all_versions(tmp_path):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    writer.commit(Part(numbered(1, 2), version=1), Part(numbered(9), stream="shops"), activate={"orders": 1})
    writer.commit(Part(numbered(3), version=2), activate={"orders": 2})
    writer.commit(Part(numbered(4), version=3))
    folder = tmp_path / "lake" / layout.stream_prefix("shop", "orders")
    expected = sorted_rows(dataset(writer).read(versions="all"))
    assert len(expected) == 4

    glob = f"SELECT * EXCLUDE (load_date) FROM read_parquet('{folder}/**/*.parquet')"  # noqa: S608 - a folder of our own
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert sorted_rows(connection.sql(glob).to_arrow_table()) == expected
    arrow = pads.dataset(folder, partitioning="hive").to_table()
    assert sorted_rows(arrow.drop_columns(["load_date"])) == expected
    frame = pd.read_parquet(folder, dtype_backend="pyarrow").drop(columns=["load_date"])
    assert sorted_rows(pa.Table.from_pandas(frame, preserve_index=False)) == expected
