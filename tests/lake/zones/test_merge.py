"""Incremental datasets: only new rows are read, and the result is what it would be had all been read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.compact import compact
from lake.erase import erase
from lake.held_source import hold_source
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.commits import encode_commit
from tests.lake.writer import ID_AND_NAME, LakeWriter, Part, numbered
from tests.lake.zones.bench import Bench
from tests.places import LakePlace

EXAMPLES = int(os.environ.get("MERGE_EXAMPLES", "5"))

DELETED = ID_AND_NAME.append(pa.field("_sdc_deleted_at", pa.timestamp("us", "UTC")))
WIDER = ID_AND_NAME.append(pa.field("price", pa.float64()))
LATER = datetime(2026, 3, 1, tzinfo=UTC)

LATEST = """\
-- primary key: id
-- incremental: landing.orders

SELECT id, name, 2 * id AS double FROM landing.orders
QUALIFY row_number() OVER (PARTITION BY id ORDER BY _sdc_sequence DESC) = 1
"""


def named(number: int, name: str) -> dict[str, object]:
    return {"id": number, "name": name}


def keep(bench: Bench, command) -> None:
    with hold_source(bench.writer.storage, "shop", LATER) as held:
        command(held)


def test_new_rows_replace_those_of_their_key(any_bench):
    any_bench.write("clean/latest.sql", LATEST)
    any_bench.writer.commit(Part(numbered(1, 2)))
    assert any_bench.outcomes("clean.latest") == {"clean.latest": "built"}
    any_bench.writer.commit(Part([named(2, "new"), named(3, "first"), named(3, "second")]))
    assert any_bench.outcomes("clean.latest") == {"clean.latest": "merged"}
    assert any_bench.rows("clean.latest") == [
        {"id": 1, "name": "order 1", "double": 2},
        {"id": 2, "name": "new", "double": 4},
        {"id": 3, "name": "second", "double": 6},
    ]
    assert any_bench.outcomes("clean.latest") == {"clean.latest": "fresh"}


def test_only_new_rows_are_read(bench):
    bench.write(
        "clean/counts.sql",
        "-- primary key: n\n-- incremental: landing.orders\nSELECT count(*) AS n FROM landing.orders",
    )
    bench.writer.commit(Part(numbered(1, 2, 3)))
    bench.build("clean.counts")
    bench.writer.commit(Part(numbered(4)))
    bench.build("clean.counts")
    assert bench.rows("clean.counts") == [{"n": 1}, {"n": 3}]  # a query for which merging makes no sense shows it


def test_a_deleted_record_takes_its_key_out_and_a_later_one_puts_it_back(bench):
    def commit(*rows):
        bench.writer.commit(Part(list(rows), schema=DELETED))

    commit(*numbered(1, 2))
    assert bench.outcomes() == {"clean.orders": "built"}
    commit({**named(2, "gone"), "_sdc_deleted_at": LATER}, {**named(9, "gone"), "_sdc_deleted_at": LATER})
    assert bench.outcomes() == {"clean.orders": "merged"}
    assert [row["id"] for row in bench.rows("clean.orders")] == [1]
    commit(named(2, "back"))
    assert bench.outcomes() == {"clean.orders": "merged"}
    assert [row["name"] for row in bench.rows("clean.orders")] == ["order 1", "back"]


def test_the_default_keeps_what_a_reader_needs(bench):
    bench.writer.commit(Part(numbered(1)))
    bench.build()
    names = bench.catalog["clean.orders"].schema.names
    assert names == ["id", "name", "_sdc_extracted_at", "_sdc_sequence", "_sdc_extra"]
    assert bench.catalog["clean.orders"].description == "Orders: What was ordered"
    assert (
        bench.catalog["clean.orders"].outline(bench.catalog["clean.orders"].facts()).columns[0].description
        == "The order's number"
    )


def another_input(bench):
    shops = ", (SELECT count(*) AS shops FROM landing.shops)\n"
    bench.write("clean/latest.sql", LATEST.replace("FROM landing.orders\n", f"FROM landing.orders{shops}"))
    bench.writer.commit(Part(numbered(1)), Part(numbered(1), stream="shops"))
    bench.build("clean.latest")
    bench.writer.commit(Part(numbered(2), stream="shops"))


def another_text(bench):
    bench.write("clean/latest.sql", LATEST + "-- changed")


def more_columns(bench):
    bench.writer.commit(Part([{**named(5, "x"), "price": 1.5}], schema=WIDER))


def an_erasure(bench):
    keep(bench, lambda held: erase(held, "orders", "id = 1"))


def a_replay(bench):
    commit = bench.writer.commit(Part(numbered(7)), publish=False)
    bench.writer.storage.put(
        layout.log_key("shop", commit.n), encode_commit(msgspec.structs.replace(commit, purpose="replay"))
    )
    CommitLog(bench.writer.storage, "shop").publish(commit)


CHANGES = {
    "another input changed": another_input,
    "the text changed": another_text,
    "the columns changed": more_columns,
    "rows were erased": an_erasure,
    "rejected records were replayed": a_replay,
}


@pytest.mark.parametrize("name", CHANGES)
def test_where_more_than_new_rows_changed_all_rows_are_read(bench, name):
    bench.write("clean/latest.sql", LATEST)
    bench.writer.commit(Part(numbered(1, 2)))
    bench.build("clean.latest")
    CHANGES[name](bench)
    assert bench.outcomes("clean.latest") == {"clean.latest": "built"}
    latest = bench.catalog["landing.orders"].read(latest=True).column("id").to_pylist()
    assert [row["id"] for row in bench.rows("clean.latest")] == sorted(latest)


def test_a_compaction_of_what_was_read_changes_nothing(bench):
    bench.write("clean/latest.sql", LATEST)
    for number in (1, 2):
        bench.writer.commit(Part(numbered(number)))
    bench.build("clean.latest")
    keep(bench, lambda held: list(compact(held, ["orders"], 1 << 30)))
    assert bench.outcomes("clean.latest") == {"clean.latest": "fresh"}
    bench.writer.commit(Part(numbered(3)))
    assert bench.outcomes("clean.latest") == {"clean.latest": "merged"}


def test_new_rows_merged_with_older_ones_in_one_file_are_read_alone(bench):
    bench.write(
        "clean/counts.sql",
        "-- primary key: id\n-- incremental: landing.orders\nSELECT id, count(*) OVER () AS read FROM landing.orders",
    )
    bench.writer.commit(Part(numbered(1, 2)))
    bench.build("clean.counts")
    bench.writer.commit(Part(numbered(3)))
    keep(bench, lambda held: list(compact(held, ["orders"], 1 << 30)))
    assert bench.outcomes("clean.counts") == {"clean.counts": "merged"}
    assert [row["read"] for row in bench.rows("clean.counts")] == [2, 2, 1]


COMMITS = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.text("ab", max_size=2), st.booleans()), max_size=4), min_size=1, max_size=5
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(COMMITS, st.lists(st.sampled_from(["build", "full", "nothing", "compact"]), min_size=5, max_size=5))
def test_merged_again_and_again_it_is_what_all_rows_give(commits, after):
    with TemporaryDirectory() as folder:
        bench = Bench(LakeWriter(LakePlace("local", f"{folder}/lake")), Path(folder, "zones"))
        for rows, step in zip(commits, after, strict=False):
            bench.writer.commit(
                Part(
                    [{**named(n, text), "_sdc_deleted_at": LATER if gone else None} for n, text, gone in rows],
                    schema=DELETED,
                )
            )
            if step == "compact":
                keep(bench, lambda held: list(compact(held, ["orders"], 1 << 30)))
            elif step != "nothing":
                bench.build(full=step == "full")
        bench.build()
        expected = bench.catalog["landing.orders"].read(latest=True).select(["id", "name", "_sdc_sequence"])
        merged = [{key: row[key] for key in expected.column_names} for row in bench.rows("clean.orders")]
        assert merged == sorted(expected.to_pylist(), key=repr)
