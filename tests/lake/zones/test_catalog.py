"""Built datasets in the catalog: by name, in SQL, with their history, their versions and their words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lake.catalog import Catalog
from lake.drop import drop
from lake.errors import UnknownDatasetError
from lake.expire import expire, plan_expiry
from lake.held_source import hold_source
from lake.history import History
from lake.overview import read_overviews
from lake.query import run_query
from lake.verify import verify_lake
from lake.zones.lineage import read_lineage
from lake.zones.lineage_text import to_lineage_text
from target_datalake import layout
from target_datalake.errors import HeldError
from tests.lake.writer import Part, numbered

LATER = datetime(2027, 1, 1, tzinfo=UTC)

ORDERS = "-- description: Orders, once\n-- column id: A number\n-- primary key: id\nSELECT id, name FROM landing.orders"


@pytest.fixture
def built(bench):
    """Three versions of two datasets."""
    bench.write("clean/orders.sql", ORDERS)
    bench.write("business/counts.sql", "SELECT count(*) AS n FROM clean.orders")
    for number in (1, 2, 3):
        bench.writer.commit(Part(numbered(number)), run=f"run-{number}")
        bench.build()
    return bench


def test_a_bare_name_means_landing_then_clean_then_business(built):
    catalog = Catalog.over(built.writer.storage)
    assert list(catalog) == ["orders", "clean.orders", "business.counts"]
    assert catalog["orders"].name == "landing.shop.orders"
    assert (catalog["counts"].name, catalog["counts"].zone) == ("business.counts", "business")
    with pytest.raises(UnknownDatasetError, match=r"did you mean .*clean\.orders"):
        catalog["clean.order"]


def test_it_is_a_dataset_like_any_other(built):
    orders = Catalog.over(built.writer.storage)["clean.orders"]
    assert orders.schema.names == orders.read().column_names == ["id", "name"]
    assert orders.read(columns=["id"], where="id > 2").to_pylist() == [{"id": 3}]
    assert orders.read(latest=True).num_rows == orders.scan().count_rows() == 3
    assert [orders.read(as_of=n).num_rows for n in (1, 2, 3)] == [1, 2, 3]
    assert [entry.purpose for entry in orders.history()] == ["build"] * 3
    assert (orders.description, orders.key_properties) == ("Orders, once", ("id",))
    assert [column.description for column in orders.outline(orders.facts()).columns] == ["A number", ""]
    assert "clean.orders: 3 rows in 1 files" in repr(orders)
    assert orders.verify().findings == ()


def test_sql_reads_all_zones(built):
    catalog = Catalog.over(built.writer.storage)
    found = run_query(
        catalog, "SELECT n, c.id FROM business.counts, clean.orders c JOIN landing.orders l USING (id) ORDER BY 2"
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [(3, 1), (3, 2), (3, 3)]


def test_the_overview_lists_them(built):
    found = {each.name: each for each in read_overviews(Catalog.over(built.writer.storage))}
    assert (found["clean.orders"].zone, found["clean.orders"].source, found["clean.orders"].rows) == ("clean", "", 3)


def test_expire_removes_old_versions_but_keeps_the_one_before(built):
    storage = built.writer.storage.with_scratch("@clean/orders")
    planned = plan_expiry(storage, "@clean/orders", History(storage, "@clean/orders").commits(), LATER)
    assert [each.key.split("/")[2] for each in planned] == ["v00000001"]
    with hold_source(storage, "@clean/orders", LATER) as held:
        expire(held, LATER)
    orders = Catalog.over(built.writer.storage)["clean.orders"]
    assert [orders.read(as_of=n).num_rows for n in (2, 3)] == [2, 3]
    assert set(built.outcomes().values()) == {"fresh"}
    built.writer.commit(Part(numbered(4)))
    assert built.build()["clean.orders"].version == 5
    assert verify_lake(built.writer.storage).findings == ()


def test_what_was_dropped_is_built_again(built):
    storage = built.writer.storage.with_scratch("@clean/orders")
    with hold_source(storage, "@clean/orders", LATER) as held:
        assert drop(held, "orders").dataset == "clean.orders"
    assert "clean.orders" not in Catalog.over(built.writer.storage)
    assert built.outcomes() == {"clean.orders": "built", "business.counts": "built"}
    assert len(built.rows("clean.orders")) == 3


def test_lineage_goes_down_to_the_runs(built):
    found = read_lineage(built.writer.storage, Catalog.over(built.writer.storage), "counts")
    (orders,) = found.inputs
    (landed,) = orders.inputs
    assert [each.dataset for each in (found, orders, landed)] == [
        "business.counts",
        "clean.orders",
        "landing.shop.orders",
    ]
    assert [(run.run, run.source, run.commits, run.rows) for run in landed.runs] == [
        (f"run-{n}", "shop", (n,), 1) for n in (1, 2, 3)
    ]
    text = to_lineage_text(found).splitlines()
    assert text[0].startswith("business.counts  version 3, built by duckdb: 1 rows")
    assert text[-1].startswith("      run run-3 of source shop")


def test_lineage_is_that_of_the_rows_not_of_what_landed_since(built):
    built.writer.commit(Part(numbered(9)), run="run-9")
    found = read_lineage(built.writer.storage, Catalog.over(built.writer.storage), "clean.orders")
    assert [run.run for run in found.inputs[0].runs] == ["run-1", "run-2", "run-3"]


def test_two_builds_at_once_are_kept_apart(built):
    built.writer.commit(Part(numbered(4)))
    lock = built.writer.storage.lock(layout.lock_key("@clean/orders"))
    done = built.build()
    lock.close()
    assert {name: each.outcome for name, each in done.items()} == {
        "clean.orders": "failed",
        "business.counts": "skipped",
    }
    assert done["clean.orders"].exit_code == 7
    assert isinstance(built.errors[0], HeldError)
    assert set(built.outcomes().values()) == {"built"}


def test_a_source_cannot_take_the_name_of_a_dataset(tmp_path):
    from target_datalake.config import load_config
    from target_datalake.errors import ConfigError

    (tmp_path / "config.json").write_text('{"path": "lake", "source": "@clean/orders"}')
    with pytest.raises(ConfigError, match="cannot begin with @clean/"):
        load_config(str(tmp_path / "config.json"))
