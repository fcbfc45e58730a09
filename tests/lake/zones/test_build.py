"""`lake build`: what changed is built anew, in order, and replaces what was there in one step."""

from __future__ import annotations

from lake.verify import verify_lake
from tests.lake.writer import Part, numbered

BIG = "-- primary key: id\n\nSELECT id, name FROM landing.orders WHERE id > 1"
COUNTS = "SELECT count(*) AS orders FROM clean.big"


def test_a_sql_file_becomes_a_dataset_that_is_read_by_its_name(any_bench):
    any_bench.writer.commit(Part(numbered(1, 2, 3)))
    any_bench.write("clean/big.sql", BIG)
    any_bench.write("business/counts.sql", COUNTS)
    assert any_bench.outcomes() == {"clean.big": "built", "clean.orders": "built", "business.counts": "built"}
    assert any_bench.rows("big") == [{"id": 2, "name": "order 2"}, {"id": 3, "name": "order 3"}]
    assert any_bench.rows("business.counts") == [{"orders": 2}]
    assert verify_lake(any_bench.writer.storage).findings == ()


def test_only_what_changed_is_built_again(bench):
    bench.writer.commit(Part(numbered(1, 2)), Part(numbered(1), stream="shops"))
    bench.write("clean/big.sql", BIG)
    bench.write("business/counts.sql", COUNTS)
    bench.build()
    assert set(bench.outcomes().values()) == {"fresh"}
    bench.writer.commit(Part(numbered(3)))
    done = bench.build()
    assert {name: built.outcome for name, built in done.items()} == {
        "clean.big": "built",
        "clean.orders": "merged",
        "clean.shops": "fresh",
        "business.counts": "built",
    }
    assert (done["clean.big"].version, done["clean.big"].reason) == (2, "landing.shop.orders changed")
    assert bench.rows("counts") == [{"orders": 2}]


def test_a_dataset_that_is_read_under_two_names_is_no_reason_to_build_again(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/x.sql", 'SELECT a.id FROM orders a JOIN landing."shop.orders" b USING (id)')
    assert bench.outcomes("clean.x") == {"clean.x": "built"}
    assert bench.outcomes("clean.x") == {"clean.x": "fresh"}
