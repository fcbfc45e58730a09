"""Log lines of a tap and a target tell how far a run is: what is counted, what is passed on, and what lies."""

from __future__ import annotations

import json

import pytest

from lake.progress import Progress
from target_datalake.commits import StreamCounts


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock) -> Progress:
    return Progress(clock, lambda n: {"items": StreamCounts(n, n - 1, 1)})


def metric(value: float, kind="counter", name="record_count", **tags) -> str:
    return f"INFO METRIC: {json.dumps({'type': kind, 'metric': name, 'value': value, 'tags': tags})}"


def test_counters_sum_up_and_tell_pages_and_total(progress, clock):
    for records, pages in ((10, 1), (20, 3)):
        clock.seconds += 1
        assert progress.take(metric(records, endpoint="items", pages=pages, total=90)) is None
    items = progress.streams["items"]
    assert (items.records, items.pages, items.total) == (30, 3, 90)
    clock.seconds += 1
    assert items.rate(clock()) == 15
    assert items.left_seconds(clock()) == 4


def test_a_stream_that_is_over_keeps_its_rate(progress, clock):
    progress.take(metric(50, endpoint="items"))
    progress.take(metric(5, "timer", "job_duration", job_type="items", status="succeeded"))
    progress.take("INFO items: 7 pages, 50 records, 0 retries, 0.0 s waited, 5.0 s")
    clock.seconds += 100
    items = progress.streams["items"]
    assert (items.pages, items.seconds, items.rate(clock()), items.left_seconds(clock())) == (7, 5, 10, None)


@pytest.mark.parametrize(("status", "has_failed"), [("failed", True), ("succeeded", False)])
def test_a_stream_that_failed_is_not_shown_as_done(status, has_failed, progress):
    progress.take(metric(5, "timer", "job_duration", job_type="items", status=status))
    assert progress.streams["items"].has_failed is has_failed


@pytest.mark.parametrize(
    ("line", "what", "seconds"),
    [
        ("INFO items: waiting 12 s for the rate of 5 requests a second", "the rate of 5 requests a second", 12),
        (
            "WARNING items: the API answered 429: slow down; try 2 follows in 3.5 s",
            "the API answered 429: slow down",
            3.5,
        ),
    ],
    ids=["a rate", "a retry"],
)
def test_a_wait_is_told_with_its_reason_until_records_come(progress, clock, line, what, seconds):
    assert progress.take(line) is None
    assert progress.streams["items"].waiting == (what, clock() + seconds)
    progress.take(metric(1, endpoint="items"))
    assert progress.streams["items"].waiting is None


def test_commits_tell_what_landed_and_what_was_rejected(progress):
    for n in (5, 6):
        progress.take(f"2026-01-31T12:00:00Z INFO commit {n}: {n - 1} rows landed, 1 rejected")
    items = progress.streams["items"]
    assert (progress.commits, items.landed, items.rejected) == (2, 9, 2)


@pytest.mark.parametrize(
    "line",
    [
        "WARNING items: something that a person should know",
        "2026-01-31T12:00:00Z WARNING the tap did not get to its end",
        "Error: the API refused",
        "  where: config.json /tap",
        "CRITICAL METRIC: {not json}",
        "a line of some other tap",
        "",
    ],
)
def test_what_a_person_should_read_is_passed_on(progress, line):
    assert progress.take(line) == line


@pytest.mark.parametrize(
    "line",
    ["INFO 3 streams selected, of 4 at https://api.example", "2026-01-31T12:00:00Z INFO nothing new", "DEBUG x"],
)
def test_what_the_table_tells_is_not_told_twice(progress, line):
    assert progress.take(line) is None


@pytest.mark.parametrize(
    "line",
    [
        metric(3),
        metric(3, endpoint=["items"]),
        metric(3, endpoint="items", pages="many", total=None),
        metric(-1e300, "gauge", "other", endpoint="items"),
        'INFO METRIC: {"type": "counter", "metric": "record_count", "value": "x"}',
        'INFO METRIC: {"type": "counter"}',
        "INFO METRIC: {}",
    ],
)
def test_a_metric_of_any_other_form_does_no_harm(progress, line):
    progress.take(line)
    assert all(stream.records == 3 for stream in progress.streams.values())


def test_metrics_of_other_singer_taps_count_too(progress):
    line = 'INFO METRIC: {"type": "counter", "metric": "record_count", "value": 7, "tags": {"endpoint": "users"}}'
    progress.take(f"time=2026-01-31 12:00:00 name=singer level=INFO message={line.removeprefix('INFO ')}")
    assert progress.streams["users"].records == 7
