"""A file that was damaged behind the lake's back: whoever reads it says which one it is, with exit code 6."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lake import Catalog, cli
from lake.errors import QueryError
from lake.query import run_query
from target_datalake.errors import StorageError
from tests.lake.damages import DAMAGES
from tests.lake.writer import LakeWriter, Part, numbered
from tests.lake.zones.bench import Bench
from tests.places import LakePlace

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

SUM = "SELECT count(*) AS n, max(name) AS name FROM landing.orders"

ZONES = {
    "sql": ("business/x.sql", SUM),
    "a table of Python": (
        "business/x.py",
        '# inputs: landing.orders\ndef build(catalog):\n    return catalog["landing.orders"].read()\n',
    ),
    "a reader of Python": (
        "business/x.py",
        '# inputs: orders\ndef build(catalog):\n    return catalog["orders"].scan().scanner().to_reader()\n',
    ),
}


@pytest.fixture
def bench(local_lake: LakeWriter, tmp_path: Path) -> Bench:
    """A zones folder over the lake."""
    return Bench(local_lake, tmp_path / "zones")


def filled(writer: LakeWriter) -> LakeWriter:
    """Land three files, all alike."""
    for start in (0, 500, 1000):
        writer.commit(Part(numbered(*range(start, start + 500))))
    return writer


def damage(writer: LakeWriter, how: Callable[[Path], None], stream: str = "orders", number: int = 1) -> str:
    """Damage one file of a dataset, and return its key."""
    key = Catalog.over(writer.storage)[stream].files()[number].key
    how(Path(writer.place.path, key))
    return key


def check_told(error: StorageError, key: str) -> None:
    assert key in error.show()
    assert error.exit_code == 6
    assert "mend the query" not in error.show()


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize(
    "text", [SUM, "SELECT * FROM landing.orders", "SELECT a.id FROM orders a JOIN orders b USING (id)"]
)
def test_a_query_over_it_is_told_the_file(local_lake, name, text):
    key = damage(filled(local_lake), DAMAGES[name])
    with pytest.raises(StorageError) as told:
        run_query(Catalog.over(local_lake.storage), text)
    check_told(told.value, key)


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("options", [{}, {"where": "id > 1"}, {"latest": True}], ids=str)
def test_an_export_of_it_is_told_the_file(local_lake, name, options):
    key = damage(filled(local_lake), DAMAGES[name])
    with pytest.raises(StorageError) as told:
        Catalog.over(local_lake.storage)["orders"].batches(**options).read_all()
    check_told(told.value, key)


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("zone", ZONES)
def test_a_build_of_it_is_told_the_file_and_leaves_the_version_before(bench, name, zone):
    bench.write(*ZONES[zone])
    filled(bench.writer)
    assert bench.outcomes("business.x") == {"business.x": "built"}
    before = bench.rows("business.x")
    bench.writer.commit(Part(numbered(5000)))
    key = damage(bench.writer, DAMAGES[name])
    assert bench.outcomes("business.x") == {"business.x": "failed"}
    check_told(bench.errors[0], key)
    assert bench.rows("business.x") == before


def test_a_merge_is_told_the_damaged_file_of_the_version_before(bench):
    bench.writer.commit(Part(numbered(1, 2)))
    assert bench.outcomes() == {"clean.orders": "built"}
    key = damage(bench.writer, DAMAGES["pages"], "clean.orders", 0)
    bench.writer.commit(Part(numbered(3)))
    assert bench.outcomes() == {"clean.orders": "failed"}
    check_told(bench.errors[0], key)


def test_what_is_wrong_with_a_query_stays_a_query_s_fault(local_lake):
    damage(filled(local_lake), DAMAGES["gone"])
    with pytest.raises(QueryError, match="nonsense"):
        run_query(Catalog.over(local_lake.storage), "SELECT nonsense FROM landing.orders")


def test_a_missing_object_is_told_wherever_the_lake_is(lake_storage):
    filled(lake_storage)
    catalog = Catalog.over(lake_storage.storage)
    key = catalog["orders"].files()[1].key
    lake_storage.storage.delete(key)
    for read in (lambda: run_query(catalog, SUM), lambda: catalog["orders"].batches().read_all()):
        with pytest.raises(StorageError) as told:
            read()
        check_told(told.value, key)


def test_the_commands_exit_with_6(tmp_path, monkeypatch, capsys):
    writer = filled(LakeWriter(LakePlace("local", str(tmp_path / "lake"))))
    key = damage(writer, DAMAGES["pages"])
    for command in (["sql", SUM], ["export", "orders", "--format", "csv", "-o", str(tmp_path / "out.csv")]):
        monkeypatch.setattr("sys.argv", ["lake", *command, "--lake", str(tmp_path / "lake")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 6
        assert key in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_whatever_byte_is_another_nobody_is_told_that_it_is_a_bug(local_lake):
    """Bytes that no reader looks at, and values that are other values, are for `lake verify` to find."""
    filled(local_lake)
    catalog = Catalog.over(local_lake.storage)
    key = catalog["orders"].files()[0].key
    path = Path(local_lake.place.path, key)
    whole, chance, told = path.read_bytes(), random.Random(11), 0
    for place in (len(whole) - 1 - chance.randrange(1500) for _ in range(60)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
        for read in (
            catalog["orders"].read,
            lambda: run_query(catalog, "SELECT * FROM landing.orders"),
            lambda: catalog["orders"].batches().read_all(),
        ):
            try:
                rows: pa.Table = read()
            except StorageError as error:
                check_told(error, key)
                told += 1
            else:
                assert rows.num_rows
    assert told > 60
