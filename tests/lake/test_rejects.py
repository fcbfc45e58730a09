"""`lake rejects` and what it is made of: why records were rejected, when, by which run, and their text on request."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lake.errors import UsageError
from lake.history import History
from lake.moments import parse_moment
from lake.reject_list import Filter, read_reject_list
from lake.reject_table import to_reject_lines, to_reject_table
from target_datalake import layout
from tests.lake.test_cli import lake
from tests.lake.writer import Part, numbered, rejected

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


def line(stream: str, reason: str, raw: str, **more: object) -> dict[str, object]:
    return {**rejected("/id", "expected integer, found string"), "stream": stream, "reason": reason, "raw": raw, **more}


@pytest.fixture
def filled(lake_storage):
    """Two kept rejects of orders, one of shops, and the sample of a refused run."""
    orders = (line("orders", "schema", '{"id":"x"}', commit=1, line=2), line("orders", "value", "{}", commit=1, line=5))
    lake_storage.commit(Part(numbered(1), rejected=orders))
    lake_storage.commit(Part(numbered(2), stream="shops", rejected=(line("shops", "schema", "\x1b[2J", commit=2),)))
    sample = json.dumps(line("orders", "schema", '{"id":"y"}', commit=3, run="r3")) + "\n"
    key = f"{layout.runs_prefix('shop')}/20260201T110000Z-00000000.rejected.jsonl"
    lake_storage.storage.put(key, sample.encode(), private=True)
    return lake_storage


def listed(writer, *, raw: bool = False, **wanted: object):
    return list(read_reject_list(writer.storage, History(writer.storage, "shop"), Filter(**wanted), raw=raw))


def test_all_that_was_rejected_is_listed_with_its_time_and_whether_it_was_kept(filled):
    assert [(each.dataset, each.reason, each.commit, each.refused) for each in listed(filled)] == [
        ("landing.shop.orders", "schema", 1, False),
        ("landing.shop.orders", "value", 1, False),
        ("landing.shop.shops", "schema", 2, False),
        ("landing.shop.orders", "schema", 3, True),
    ]
    assert [each.at for each in listed(filled)] == [
        "2026-01-31T12:01:00+00:00", "2026-01-31T12:01:00+00:00", "2026-01-31T12:02:00+00:00",
        "2026-02-01T11:00:00+00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "commits"),
    [
        pytest.param({"stream": "orders"}, [1, 1, 3], id="of a stream"),
        pytest.param({"reason": "value"}, [1], id="of a reason"),
        pytest.param({"run": "r3"}, [3], id="of a run"),
        pytest.param({"since": datetime(2026, 1, 31, 12, 2, tzinfo=UTC)}, [2, 3], id="since a time"),
    ],
)
def test_a_part_of_them_is_listed(filled, wanted, commits):
    assert [each.commit for each in listed(filled, **wanted)] == commits


def test_their_text_is_given_only_when_it_is_asked_for(filled):
    assert {each.raw for each in listed(filled)} == {None}
    assert [each.raw for each in listed(filled, raw=True)] == ['{"id":"x"}', "{}", "\x1b[2J", '{"id":"y"}']


def test_a_record_too_long_to_be_kept_is_shown_by_its_size_and_digest(local_lake):
    long = {**line("orders", "size", ""), "sha256": "ab" * 32, "bytes": 20_000_000}
    del long["raw"]
    local_lake.commit(Part(numbered(1), rejected=(long,)))
    (found,) = listed(local_lake, raw=True)
    assert (found.bytes, found.sha256, found.raw) == (20_000_000, "ab" * 32, None)
    assert f"(not kept: 20000000 bytes, sha256 {'ab' * 32})" in "\n".join(to_reject_lines([found]))


def test_the_table_counts_reasons_and_the_lines_show_each_record(filled):
    table = to_reject_table(listed(filled), terminal=False).splitlines()
    assert table[0].split() == "dataset reason where what is wrong records first last kept".split()
    assert len(table) == 1 + 4
    assert "sample of a refused run" in table[-2] or "sample of a refused run" in "".join(table)
    shown = "\n".join(to_reject_lines(listed(filled, raw=True)))
    assert '  {"id":"x"}' in shown
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", [[], ["orders"], ["landing.shop.orders"]], ids=["all", "stream", "full name"])
def test_what_a_first_run_was_refused_for_is_shown_although_nothing_has_landed(local_lake, name):
    """The error of such a run names the sample, and `lake rejects` said that no record was rejected."""
    local_lake.commit(Part(numbered(1), stream="others"))
    sample = json.dumps(line("orders", "schema", '{"id":"y"}', run="r1")) + "\n"
    for source in ("shop", "fresh"):
        key = f"{layout.runs_prefix(source)}/20260201T110000Z-00000000.rejected.jsonl"
        local_lake.storage.put(key, sample.encode(), private=True)
    done = lake("rejects", *name, "--lake", local_lake.place.path, "--json")
    datasets = [json.loads(record)["dataset"] for record in done.stdout.splitlines()]
    shown = (
        ["landing.shop.orders"] if name == ["landing.shop.orders"] else ["landing.shop.orders", "landing.fresh.orders"]
    )
    assert sorted(datasets) == sorted(shown)


def test_a_replay_where_nothing_has_landed_replays_nothing(tmp_path):
    """It said that the source does not land None."""
    (tmp_path / "config.json").write_text('{"target": {"path": "lake", "source": "shop"}}')
    done = lake("rejects", "--replay", "-c", str(tmp_path / "config.json"))
    assert "None" not in done.stderr


def test_the_command_prints_a_table_or_a_line_of_json_a_record(local_lake):
    local_lake.commit(Part(numbered(1), rejected=(line("orders", "schema", '{"id":"secret"}', commit=1, line=2),)))
    table = lake("rejects", "--lake", local_lake.place.path)
    assert table.returncode == 0
    assert "expected integer, found string" in table.stdout
    assert "secret" not in table.stdout
    done = lake("rejects", "orders", "--lake", local_lake.place.path, "--json", "--raw")
    (record,) = map(json.loads, done.stdout.splitlines())
    assert (record["dataset"], record["line"], record["raw"]) == ("landing.shop.orders", 2, '{"id":"secret"}')
    assert lake("rejects", "oders", "--lake", local_lake.place.path).returncode == 2


def test_the_verify_command_exits_with_6_and_a_list(local_lake):
    local_lake.commit(Part(numbered(1)))
    local_lake.commit(Part(numbered(2)))
    assert lake("verify", "--lake", local_lake.place.path).stdout.startswith("Checked 2 files")
    key = local_lake.published[0].add[0].key
    local_lake.storage.delete(key)
    done = lake("verify", "orders", "--lake", local_lake.place.path, "--json")
    assert done.returncode == 6
    assert [finding["key"] for finding in json.loads(done.stdout)["findings"]] == [key]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", datetime(2026, 1, 25, 12, tzinfo=UTC)),
        ("30min", datetime(2026, 2, 1, 11, 30, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_an_age_a_date_or_a_time(text, moment):
    assert parse_moment(text, NOW, "--since") == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "7y"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is no time"):
        parse_moment(text, NOW, "--since")
