"""`lake build --engine spark` makes the datasets that DuckDB makes, through the same log."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lake.catalog import Catalog
from lake.spark.session import SparkOptions
from lake.verify import verify_lake
from tests.lake.damages import DAMAGES
from tests.lake.writer import LakeWriter, Part
from tests.lake.zones.bench import Bench
from tests.places import LakePlace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.spark.conftest import Cluster

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ('Brand ü;`{}"', pa.string()),
        ("price", pa.decimal128(18, 2)),
        ("stars", pa.float64()),
        ("day", pa.date32()),
        ("seen", pa.timestamp("us", "UTC")),
        ("ok", pa.bool_()),
        ("author", pa.struct([("name", pa.string()), ("tags", pa.list_(pa.string()))])),
    ]
)
CLEAN = """-- primary key: id
-- incremental: landing.orders
-- delete when: price < 0
-- not null: id
SELECT * EXCLUDE (_sdc_extracted_at, _sdc_received_at, _sdc_batched_at) FROM landing.orders
QUALIFY row_number() OVER (PARTITION BY id ORDER BY _sdc_sequence DESC) = 1
"""
BUSINESS = """-- primary key: name
SELECT author.name AS name, count(*) AS orders, sum(price) AS price, round(avg(stars), 2) AS stars, max(seen) AS newest,
  bool_or(ok) AS ok, date_trunc('month', min(day)) AS month
FROM clean.orders WHERE author.name IS NOT NULL GROUP BY 1
"""


def orders(*ids: int, price: str | None = None) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            'Brand ü;`{}"': None if number % 5 == 0 else f"b{number}",
            "price": Decimal(price or f"{number}.25"),
            "stars": number / 3,
            "day": date(2024, 1 + number % 12, 1),
            "seen": datetime(2024, 1, 1, 0, 0, number % 60, number, UTC),
            "ok": number % 2 == 0,
            "author": None if number % 7 == 0 else {"name": f"n{number % 3}", "tags": ["a", f"t{number}"]},
        }
        for number in ids
    ]


@pytest.fixture
def benches(tmp_path) -> tuple[Bench, Bench]:
    """Two lakes with the same zones: one built by DuckDB, one by Spark."""
    made = []
    for engine in ("duckdb", "spark"):
        writer = LakeWriter(LakePlace("local", str(tmp_path / engine / "lake")))
        bench = Bench(writer, tmp_path / engine / "zones", engine=engine, spark=SparkOptions("local[2]"))
        bench.write("clean/orders.sql", CLEAN)
        bench.write("business/names.sql", BUSINESS)
        made.append(bench)
    return made[0], made[1]


def landed(bench: Bench, *parts: Part) -> dict[str, str]:
    """Commit something, build, and return how that went."""
    bench.writer.commit(*parts)
    outcomes = bench.outcomes()
    assert bench.errors == []
    return outcomes


def test_both_engines_make_the_same_datasets_from_the_same_commits(benches, session):
    steps = [
        Part(orders(*range(1, 40)), schema=SCHEMA),
        Part(orders(3, 41, 50) + orders(5, price="-1.00"), schema=SCHEMA),
        Part([{**row, "new": "x"} for row in orders(60)], schema=SCHEMA.append(pa.field("new", pa.string()))),
    ]
    for step in steps:
        ours, theirs = (landed(bench, step) for bench in benches)
        assert ours == theirs
        for name in ("clean.orders", "business.names"):
            tables = [Catalog.over(bench.writer.storage)[name].read() for bench in benches]
            assert tables[0].schema.equals(tables[1].schema)
            assert benches[0].rows(name) == benches[1].rows(name)
    for bench in benches:
        assert verify_lake(bench.writer.storage).findings == ()
    assert benches[0].outcomes() == {"clean.orders": "fresh", "business.names": "fresh"}
    assert benches[1].outcomes() == {"clean.orders": "fresh", "business.names": "fresh"}


def test_nothing_but_committed_parquet_stands_in_the_lake(benches, session):
    landed(benches[1], Part(orders(1, 2, 3), schema=SCHEMA))
    catalog = Catalog.over(benches[1].writer.storage)
    committed = {file.key for name in ("clean.orders", "business.names") for file in catalog[name].files()}
    root = benches[1].folder.parent / "lake"
    there = {str(path.relative_to(root)) for zone in ("clean", "business") for path in (root / zone).rglob("*.*")}
    assert there == committed


def test_an_empty_result_is_a_dataset_with_columns_and_no_rows(benches, session):
    benches[1].write("business/names.sql", "SELECT id, price FROM clean.orders WHERE id < 0")
    landed(benches[1], Part(orders(1), schema=SCHEMA))
    table = Catalog.over(benches[1].writer.storage)["business.names"].read()
    assert (table.num_rows, table.column_names) == (0, ["id", "price"])


def test_what_spark_is_not_known_to_do_alike_is_refused_until_its_own_query_stands_beside(benches, session):
    bench = benches[1]
    bench.write("business/names.sql", "SELECT id, lower(author.name) AS name FROM clean.orders")
    bench.writer.commit(Part(orders(1, 2), schema=SCHEMA))
    assert bench.outcomes("business.names")["business.names"] == "failed"
    assert "LOWER" in bench.errors[0].show()
    assert "names.spark.sql" in bench.errors[0].show()
    bench.write("business/names.spark.sql", "SELECT id, lower(author.name) FROM clean.orders")
    assert bench.outcomes("business.names")["business.names"] == "built"
    assert bench.rows("business.names") == [{"id": 1, "name": "n1"}, {"id": 2, "name": "n2"}]
    bench.write("business/names.spark.sql", "SELECT id FROM clean.orders")
    assert bench.outcomes("business.names")["business.names"] == "failed"
    assert "1 columns, on DuckDB 2" in bench.errors[0].show()


def test_an_unmet_expectation_leaves_the_version_before(benches, session):
    bench = benches[1]
    landed(bench, Part(orders(1, 2), schema=SCHEMA))
    bench.write("business/names.sql", BUSINESS.replace("-- primary", "-- accepted values name: n1\n-- primary"))
    assert bench.outcomes()["business.names"] == "failed"
    assert bench.errors[0].exit_code == 8
    assert len(bench.rows("business.names")) == 2


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_and_the_version_before_stands(benches, session, name):
    bench = benches[1]
    landed(bench, Part(orders(*range(1, 200)), schema=SCHEMA))
    before = bench.rows("clean.orders")
    bench.writer.commit(Part(orders(300), schema=SCHEMA))
    key = bench.catalog["orders"].files()[0].key
    DAMAGES[name](bench.folder.parent / "lake" / key)
    assert bench.outcomes("clean.orders", full=True) == {"clean.orders": "failed"}
    assert bench.errors[0].exit_code == 6
    assert key in bench.errors[0].show()
    assert bench.rows("clean.orders") == before


def test_a_cluster_of_two_workers_writes_the_files_itself(tmp_path, cluster: Cluster):
    writer = LakeWriter(LakePlace("local", str(tmp_path / "lake")))
    for start in range(0, 4000, 1000):
        writer.commit(Part(orders(*range(start, start + 1000)), schema=SCHEMA))
    folder: Path = tmp_path / "zones" / "business"
    folder.mkdir(parents=True)
    (folder / "names.sql").write_text(BUSINESS.replace("clean.orders", "landing.orders"), "utf-8")
    spark = {"master": cluster.master, "conf": {"spark.executor.memory": "512m", "spark.driver.host": "127.0.0.1"}}
    config = {"target": {"path": "lake", "source": "shop"}, "lake": {"spark": spark}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "lake.cli", "build", "--engine", "spark", "business.names", "--json"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500)
    assert built.returncode == 0, built.stderr
    rows = Catalog(str(tmp_path / "lake"))["business.names"].read().to_pylist()
    assert sum(row["orders"] for row in rows) == sum(1 for number in range(4000) if number % 7)
    for worker in cluster.workers:
        logs = [path.read_text() for path in worker.glob("app-*/*/stderr")]
        assert any("Running task" in log for log in logs), f"{worker.name} ran nothing"
    written = [log for worker in cluster.workers for log in map(_read, worker.glob("app-*/*/stderr"))]
    assert any("Saved output of task" in log for log in written)


def _read(path: Path) -> str:
    return path.read_text()
