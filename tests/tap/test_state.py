# ruff: noqa: E501 - each row of the tables stays on its line
from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.bookmark import Bookmark
from tap_rest_api.errors import ConfigError
from tap_rest_api.messages import state_line
from tap_rest_api.state import State, load_state, parse_state

if TYPE_CHECKING:
    from pathlib import Path

STREAMS = ("reviews", "products", "shops")
FULL = {
    "bookmarks": {
        "reviews": {"replication_key": "at", "replication_key_value": "2024-01-02", "seen": [[1, "a"], [2, "b"]]},
        "products": {"partitions": [{"context": {"id": 3}, "replication_key": "date", "replication_key_value": 1.10}]},
        "shops": {"version": 1700000000000, "complete": True},
        "foreign": ["not", "ours"],
    },
    "currently_syncing": "reviews",
    "someone": {"else": "wrote this"},
}


def test_a_state_comes_out_as_it_went_in() -> None:
    state = parse_state(json.dumps(FULL), "state.json", STREAMS)
    assert json.loads(state_line(state.to_value()))["value"] == FULL


def test_numbers_in_a_state_stay_exact() -> None:
    text = '{"bookmarks": {"products": {"replication_key": "n", "replication_key_value": 1.10000000000000000001}}}'
    state = parse_state(text, "", STREAMS)
    assert state.bookmark("products") == Bookmark("n", Decimal("1.10000000000000000001"))
    assert b"1.10000000000000000001" in state_line(state.to_value())


def test_bookmarks_are_found_by_stream_and_context() -> None:
    state = parse_state(json.dumps(FULL), "", STREAMS)
    assert state.bookmark("reviews") == Bookmark("at", "2024-01-02", frozenset({(1, "a"), (2, "b")}))
    assert state.bookmark("products", {"id": 3}) == Bookmark("date", Decimal("1.1"))
    assert state.bookmark("products", {"id": 4}) is None
    assert state.bookmark("shops") is None


def test_a_context_without_a_bookmark_of_its_own_has_the_streams() -> None:
    state = State().with_bookmark("products", Bookmark("at", 5))
    assert state.bookmark("products", {"id": 1}) == Bookmark("at", 5)


def test_setting_a_bookmark_leaves_the_old_state_alone() -> None:
    old = State()
    new = old.with_bookmark("reviews", Bookmark("at", 5, frozenset({(1,)}))).with_bookmark(
        "products", Bookmark("d", 1), {"id": 2}
    )
    assert old.to_value() == {"bookmarks": {}}
    assert new.to_value()["bookmarks"] == {
        "reviews": {"replication_key": "at", "replication_key_value": 5, "seen": [[1]]},
        "products": {"partitions": [{"context": {"id": 2}, "replication_key": "d", "replication_key_value": 1}]},
    }


def test_too_many_ties_are_not_kept_but_read_again() -> None:
    few, many = (frozenset((key,) for key in range(count)) for count in (1000, 1001))
    state = State().with_bookmark("reviews", Bookmark("at", 5, few))
    assert len(state.to_value()["bookmarks"]["reviews"]["seen"]) == 1000
    state = state.with_bookmark("reviews", Bookmark("at", 6, many))
    assert "seen" not in state.to_value()["bookmarks"]["reviews"]


def test_a_full_tables_version_always_grows() -> None:
    state = State().with_version("shops", 1000)
    assert state.next_version("shops", 2000) == 2000
    assert state.next_version("shops", 500) == 1001
    assert State().next_version("shops", 500) == 500


def test_a_complete_table_is_skipped_only_by_the_resumed_run_and_only_for_half_a_day() -> None:
    now, hour = 1_700_000_000_000, 3_600_000
    interrupted = State().syncing("shops").with_version("shops", now).syncing("reviews")
    assert interrupted.is_complete("shops", now + 11 * hour)
    assert not interrupted.is_complete("shops", now + 12 * hour)
    assert not interrupted.is_complete("reviews", now)
    assert not interrupted.finished().is_complete("shops", now)
    assert interrupted.finished().to_value() == {"bookmarks": {"shops": {"version": now}}}


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("", "is empty", "state.json"),
        (" \n", "is empty", "state.json"),
        ('{"bookmarks": {"rev', "is not JSON", "state.json"),
        ('{"bookmarks": {}}\n{"bookmarks": {}}', "is not JSON", "state.json"),
        ("[]", "not what this tap writes", "state.json"),
        ('{"type": "STATE", "value": {}}', "not what this tap writes", "state.json"),
        ('{"bookmarks": []}', "not what", "state.json /bookmarks"),
        ('{"bookmarks": {"reviews": 5}}', "not what", "state.json /bookmarks/reviews"),
        ('{"bookmarks": {"reviews": {"partitions": {}}}}', "not what", "/bookmarks/reviews/partitions"),
        ('{"bookmarks": {"reviews": {"partitions": [{}]}}}', "not what", "/bookmarks/reviews/partitions/0"),
        ('{"bookmarks": {"reviews": {"replication_key_value": 5}}}', "not what", "/replication_key"),
        ('{"bookmarks": {"reviews": {"replication_key": "a", "replication_key_value": {}}}}', "not", "/replication_key_value"),
        ('{"bookmarks": {"reviews": {"replication_key": "a", "replication_key_value": true}}}', "not", "/replication_key_value"),
        ('{"bookmarks": {"reviews": {"seen": [1]}}}', "not what", "/bookmarks/reviews/seen"),
    ],
)  # fmt: skip
def test_a_state_that_is_not_one_is_exit_code_2_and_no_silent_full_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_state("state.json", STREAMS)
    assert caught.value.where.endswith(where)
    assert "last line" in caught.value.fix


def test_cut_at_any_byte_a_state_is_never_taken_for_another(tmp_path: Path) -> None:
    text = json.dumps(FULL)
    for cut in range(len(text)):
        with pytest.raises(ConfigError):
            parse_state(text[:cut], "", STREAMS)


def test_a_state_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_state("/nowhere/state.json", STREAMS)


def test_no_state_file_is_a_first_run() -> None:
    assert load_state(None, STREAMS) == State()
    assert parse_state("{}", "", STREAMS) == State()


def test_ten_thousand_contexts_are_one_state(tmp_path: Path) -> None:
    state = State()
    for number in range(10_000):
        state = state.with_bookmark("products", Bookmark("at", number), {"id": number})
    assert state.partition_count("products") == 10_000
    assert state.has_partition("products", {"id": 9_999})
    value: Any = json.loads(json.dumps(state.to_value()))
    assert parse_state(json.dumps(value), "", STREAMS).bookmark("products", {"id": 77}) == Bookmark("at", 77)
    assert state.without_partitions("products").to_value() == {"bookmarks": {}}
