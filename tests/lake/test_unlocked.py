"""SQL over a bucket: its files are read by Python, so scans must not begin with Python's lock held."""

from __future__ import annotations

import pytest

from lake import Catalog
from lake.query import run_query
from lake.sandbox import sandbox
from lake.unlocked import UnlockedDataset
from target_datalake.errors import StorageError
from tests.lake.writer import LakeWriter, Part, numbered

pytestmark = pytest.mark.parametrize("lake_place", ["s3"], indirect=True)


@pytest.fixture
def asked(monkeypatch):
    """What DuckDB asks of the datasets that are unlocked for it."""
    seen = []
    scanner = UnlockedDataset.scanner

    def watched(dataset, **options):
        seen.append(options)
        return scanner(dataset, **options)

    monkeypatch.setattr(UnlockedDataset, "scanner", watched)
    return seen


def test_only_what_is_asked_for_is_read(lake_storage: LakeWriter, asked):
    lake_storage.commit(Part(numbered(*range(10))))
    query = "SELECT count(a.id) AS n FROM landing.orders a JOIN landing.orders b USING (id) WHERE a.id > 6"
    assert run_query(Catalog.over(lake_storage.storage), query).to_pylist() == [{"n": 3}]
    assert [options["columns"] for options in asked] == [["id"], ["id"]]
    assert any(options.get("filter") is not None for options in asked)


def test_whoever_hands_a_scan_to_duckdb_hands_it_unlocked(lake_storage: LakeWriter, asked):
    lake_storage.commit(Part(numbered(1, 2, 3)))
    with sandbox({("", "rows"): Catalog.over(lake_storage.storage)["orders"].scan()}) as connection:
        assert connection.sql("SELECT max(id) FROM rows").fetchall() == [(3,)]
    assert asked


def test_missing_files_do_not_lock_duckdb_and_arrow_into_each_other(lake_storage: LakeWriter, asked):
    for first in range(0, 60, 10):
        lake_storage.commit(Part(numbered(*range(first, first + 10))))
    catalog = Catalog.over(lake_storage.storage)
    for file in catalog["orders"].files()[1::2]:
        lake_storage.storage.delete(file.key)
    for _ in range(20):
        with pytest.raises(StorageError, match="no such object"):
            run_query(catalog, "SELECT max(a.name) FROM orders a JOIN orders b USING (id)")
    assert asked
