"""`lake export` and `lake sql`: rows handed out, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake import Catalog
from tests.lake.forked import run_lake
from tests.lake.writer import LakeWriter, Part

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("price", pa.decimal128(38, 2)),
        ("at", pa.timestamp("us", "UTC")),
        ("tags", pa.list_(pa.field("element", pa.string()))),
        ("share", pa.float64()),
    ]
)
ROWS = [
    {
        "id": 2**63 - 1,
        "name": 'a "b", c\nd',
        "price": Decimal("19.90"),
        "at": datetime(2026, 1, 31, 1, 2, 3, 4, UTC),
        "tags": ["x", 'y"'],
        "share": 0.1,
    },
    {"id": 2, "name": "=HYPERLINK(1)", "share": float("nan")},
    {"id": 3, "name": ""},
]


@pytest.fixture
def filled(local_lake: LakeWriter) -> LakeWriter:
    local_lake.commit(Part(ROWS[:2], schema=SCHEMA))
    local_lake.commit(Part(ROWS[2:], schema=SCHEMA))
    return local_lake


def lake(writer: LakeWriter, *arguments: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    if not more:
        return run_lake(*arguments, "--lake", writer.place.path)
    command = [sys.executable, "-m", "lake.cli", *arguments, "--lake", writer.place.path]
    return subprocess.run(command, capture_output=True, check=False, **more)  # type: ignore[call-overload] # passed on


def test_csv_has_a_header_and_every_row_and_no_cell_is_a_formula(filled):
    done = lake(filled, "export", "orders", "--format", "csv")
    assert done.returncode == 0, done.stderr
    header, *rows = csv.reader(io.StringIO(done.stdout.decode()))
    assert header == ["id", "name", "price", "at", "tags", "share"]
    assert rows[0] == [str(2**63 - 1), 'a "b", c\nd', "19.90", "2026-01-31T01:02:03.000004Z", '["x","y\\""]', "0.1"]
    assert rows[1][1] == "'=HYPERLINK(1)"
    assert rows[2] == ["3", "", "", "", "", ""]


def test_json_lines_keep_every_digit(filled):
    done = lake(filled, "export", "orders", "--format", "jsonl", "--columns", "price,id,share")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == '{"price":19.90,"id":9223372036854775807,"share":0.1}'
    assert json.loads(lines[1]) == {"price": None, "id": 2, "share": None}


def test_parquet_is_what_the_catalog_reads(filled, tmp_path):
    path = tmp_path / "out.parquet"
    done = lake(filled, "export", "orders", "--format", "parquet", "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert b"Wrote 3 rows to" in done.stderr
    ours = Catalog(filled.place.path)["orders"].read(columns=SCHEMA.names)
    assert pq.read_table(path).to_pylist()[0] == ours.to_pylist()[0]
    assert pq.read_table(path).schema.equals(ours.schema)


def test_rows_can_be_chosen(filled):
    done = lake(filled, "export", "orders", "--format", "jsonl", "--columns", "id", "--where", "name = ''", "--latest")
    assert done.stdout == b'{"id":3}\n'
    done = lake(filled, "export", "orders", "--format", "jsonl", "--columns", "id", "--as-of", "1")
    assert done.stdout.count(b"\n") == 2


def test_a_damaged_file_among_others_is_exit_6(local_lake):
    for n in range(3):
        local_lake.commit(Part([{"id": n}], schema=SCHEMA))
    (file,) = local_lake.published[1].add
    path = Path(local_lake.place.path, file.key)
    path.write_bytes(path.read_bytes()[:-50])
    done = lake(local_lake, "export", "orders", "--format", "csv")
    assert done.returncode == 6, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"a data file is damaged" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["order", "--format", "csv"], 2, "did you mean 'orders'", id="dataset"),
        pytest.param(["orders", "--format", "csv", "--columns", "nam"], 2, "did you mean 'name'", id="column"),
        pytest.param(["orders", "--format", "csv", "--where", "id >"], 2, "not SQL", id="condition"),
        pytest.param(["orders", "--format", "csv", "--as-of", "9"], 2, "there is no commit 9", id="commit"),
        pytest.param(["orders", "--format", "csv", "-o", "/nowhere/x.csv"], 6, "cannot write the export", id="folder"),
    ],
)
def test_a_mistake_is_told(filled, arguments, code, says):
    done = lake(filled, "export", *arguments)
    assert done.returncode == code
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_an_export_that_fails_leaves_the_old_file_and_nothing_else(filled, tmp_path):
    path = tmp_path / "out" / "orders.csv"
    path.parent.mkdir()
    path.write_text("old")
    for file in filled.published[1].add:
        (tmp_path / "lake" / file.key).write_bytes(b"damaged")
    done = lake(filled, "export", "orders", "--format", "csv", "-o", str(path))
    assert done.returncode == 6, done.stderr
    assert b"Traceback" not in done.stderr
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_that_leaves_ends_the_export_as_a_broken_pipe(filled):
    command = f"{sys.executable} -m lake.cli export orders --format jsonl --lake {filled.place.path}"
    script = f"set -o pipefail; {command} | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


class TestSql:
    def test_rows_come_as_a_table_and_as_json(self, filled):
        query = "SELECT id, price FROM landing.orders ORDER BY id LIMIT 2"
        done = lake(filled, "sql", query)
        assert done.stdout.decode().splitlines()[0].split() == ["id", "price"]
        done = lake(filled, "sql", query, "--json")
        assert json.loads(done.stdout) == [{"id": 2, "price": None}, {"id": 3, "price": None}]

    def test_decimals_are_numbers_in_json(self, filled):
        done = lake(filled, "sql", "SELECT price FROM orders WHERE price > 0", "--json")
        assert done.stdout == b'[{"price":19.90}]\n'

    def test_the_query_may_come_on_stdin(self, filled):
        assert lake(filled, "sql", "-", "--json", input=b"SELECT 1 AS one").stdout == b'[{"one":1}]\n'

    def test_more_rows_than_are_printed_are_told_of(self, filled):
        done = lake(filled, "sql", "SELECT id FROM orders", "--rows", "1")
        assert len(done.stdout.splitlines()) == 2
        assert b"2 more rows" in done.stderr

    def test_a_query_that_is_none_is_exit_2(self, filled):
        done = lake(filled, "sql", "COPY orders TO '/tmp/x'")
        assert done.returncode == 2
        assert b"only queries are answered" in done.stderr
