from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lake.bookmarks import oldest_bookmark, without_bookmarks


@pytest.mark.parametrize(
    ("state", "streams", "expected"),
    [
        pytest.param("{}", {"a"}, "{}", id="an empty state"),
        pytest.param('{"bookmarks":{"a":1,"b":2}}', {"a"}, '{"bookmarks":{"b":2}}', id="one stream"),
        pytest.param('{"bookmarks":{"a":1}}', {"a", "z"}, '{"bookmarks":{}}', id="all streams, one unknown"),
        pytest.param('{"bookmarks":{"b":1e2}, "x": 1.0}', {"a"}, '{"bookmarks":{"b":1e2},"x":1.0}', id="literals stay"),
        pytest.param(
            '{"currently_syncing":"b","bookmarks":{"b":1}}', {"a"}, '{"bookmarks":{"b":1}}', id="nothing is under way"
        ),
    ],
)
def test_a_fresh_start_forgets_the_bookmarks_of_its_streams(state, streams, expected):
    assert without_bookmarks(state, streams) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(None, None, id="no state"),
        pytest.param("{}", None, id="no bookmarks"),
        pytest.param("[1]", None, id="another tap's state"),
        pytest.param('{"bookmarks": {"a": {"id": 7}}}', None, id="no time"),
        pytest.param('{"bookmarks": {"a": {"at": "2026-01-02"}}}', datetime(2026, 1, 2, tzinfo=UTC), id="a date"),
        pytest.param('{"bookmarks": {"a": "2026-01-02T03:00:00Z"}}', datetime(2026, 1, 2, 3, tzinfo=UTC), id="a time"),
        pytest.param(
            '{"bookmarks": {"a": "2026-01-02", "b": "2026-01-01"}}',
            datetime(2026, 1, 1, tzinfo=UTC),
            id="the stream that is furthest behind",
        ),
        pytest.param(
            '{"bookmarks": {"a": {"partitions": [{"v": "2026-01-02"}, {"v": "2026-01-05"}]}}}',
            datetime(2026, 1, 5, tzinfo=UTC),
            id="a stream has come as far as its furthest part",
        ),
        pytest.param(
            '{"bookmarks": {"a": {"v": "2026-01-02", "seen": [["2027-01-01"]], "context": {"k": "2027-01-01"}}}}',
            datetime(2026, 1, 2, tzinfo=UTC),
            id="keys are no bookmarks",
        ),
        pytest.param('{"bookmarks": {"a": "2026-99-99"}}', None, id="no such day"),
    ],
)
def test_the_time_up_to_which_a_source_was_read(state, expected):
    assert oldest_bookmark(state) == expected
