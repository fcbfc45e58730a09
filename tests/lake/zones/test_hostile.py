"""SQL of ill will, and names of all kinds: nothing outside the lake is read or written, and no name is lost."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.catalog import Catalog
from lake.errors import LakeError
from lake.sandbox import quote
from tests.lake.test_query import HOSTILE
from tests.lake.writer import LakeWriter, Part, numbered
from tests.lake.zones.bench import Bench
from tests.places import LakePlace

NAMES = int(os.environ.get("HOSTILE_NAMES", "6"))

MORE = {
    "copies out below a header": "-- description: x\nCOPY (SELECT 1) TO '/tmp/lake-stolen.csv'",
    "ends the view and begins anew": "SELECT 1 AS x; CREATE TABLE y AS SELECT * FROM read_csv('/etc/passwd')",
    "reads through a function": "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "reads its own files": "SELECT * FROM '_lake/format.json'",
    "asks for the environment": "SELECT getenv('HOME') AS x",
    "reads what it may not name": 'SELECT * FROM "__lake"."result"',
    "reads another handle": "SELECT * FROM __table_0",
}


@pytest.mark.parametrize("name", {**HOSTILE, **MORE})
def test_hostile_sql_builds_nothing_and_tells_nothing(bench, name):
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/x.sql", {**HOSTILE, **MORE}[name])
    try:
        done = bench.build("clean.x")
    except LakeError as error:
        errors = [error]
    else:
        assert done["clean.x"].outcome == "failed"
        errors = bench.errors
    assert [error.exit_code for error in errors] == [2]
    assert "root:" not in errors[0].show()
    assert not any(Path("/tmp").glob("lake-stolen*"))  # noqa: S108 - where the hostile text would write
    assert "clean.x" not in bench.catalog


def test_a_condition_is_one_condition(bench):
    header = "-- primary key: id\n-- delete when: true) OR (SELECT 1 FROM read_csv('/etc/passwd')) IS NULL OR (true"
    bench.write("clean/x.sql", f"{header}\nSELECT 1 AS id")
    with pytest.raises(LakeError, match="delete when"):
        bench.build()


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0\n\r"), min_size=1, max_size=20)


@settings(max_examples=NAMES, deadline=None)
@given(st.lists(names, min_size=1, max_size=4, unique_by=str.lower), st.one_of(names, st.just("a\nb")))
def test_any_stream_and_column_name_comes_through(columns, stream):
    columns = [name for name in columns if not name.startswith("_sdc_")] or ["a"]
    with TemporaryDirectory() as folder:
        bench = Bench(LakeWriter(LakePlace("local", f"{folder}/lake")), Path(folder, "zones"))
        schema = pa.schema([("id", pa.int64()), *((name, pa.string()) for name in columns if name.lower() != "id")])
        row = {name: "x" for name in schema.names if name != "id"}
        bench.writer.commit(Part([{"id": 1, **row}], stream=stream, schema=schema))
        quoted = ", ".join(quote(name) for name in schema.names)
        bench.write(
            "business/all.sql", f"-- not null: {quoted}\n-- primary key: id\nSELECT {quoted} FROM clean.{quote(stream)}"
        )
        done = bench.build()
        assert {each.outcome for each in done.values()} == {"built"}, bench.errors
        built = Catalog.over(bench.writer.storage)
        assert built["business.all"].read().to_pylist() == [{"id": 1, **row}]
        assert built[f"clean.{stream}"].schema.names[: len(schema)] == schema.names


def test_any_file_name_is_a_dataset(bench):
    found = ["a b", "ä", "日本", "a;b", "a'b", 'a"b', "a%b", "~a", "CON", "a.b", "-- x", "x" * 150]
    for name in found:
        bench.write(f"clean/{name}.sql", "SELECT 1 AS x")
    tables = " UNION ALL ".join(f"SELECT * FROM clean.{quote(name)}" for name in found)  # noqa: S608 - quoted
    bench.write("business/y.sql", tables)
    assert set(bench.outcomes().values()) == {"built"}
    assert bench.rows("business.y") == [{"x": 1}] * len(found)
    assert bench.rows("clean.a b") == [{"x": 1}]
