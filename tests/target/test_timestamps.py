from datetime import date, time

import pytest

from target_datalake.timestamps import is_cut, parse_date, parse_date_time, parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T23:59:59Z", "2026-01-31T23:59:59"),
        ("2026-01-31t23:59:59z", "2026-01-31T23:59:59"),
        ("2026-01-31 23:59:59Z", "2026-01-31T23:59:59"),
        ("2026-01-31T23:59:59", "2026-01-31T23:59:59"),
        ("2026-01-31 23:59:59", "2026-01-31T23:59:59"),
        ("2026-01-31T23:59:59.1Z", "2026-01-31T23:59:59.100000"),
        ("2026-01-31T23:59:59.123456789Z", "2026-01-31T23:59:59.123456"),
        ("2026-01-31T23:59:59+02:00", "2026-01-31T21:59:59"),
        ("2026-01-31T23:59:59.5-0230", "2026-02-01T02:29:59.500000"),
        ("2026-01-31 23:59:59+02", "2026-01-31T21:59:59"),
        ("2026-01-31T23:59:59-00:00", "2026-01-31T23:59:59"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
    ],
)
def test_a_date_time_is_read_as_its_moment_in_utc(text, moment):
    assert parse_date_time(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "2026-01-31T23:59:60Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T24:00:00+01:00",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-1-31T23:59:59Z",
        "20260131T235959Z",
        "2026-W05-6T23:59:59Z",
        "2026-01-31T23:59Z",
        "2026-01-31T23:59:59,5Z",
        "2026-01-31T23:59:59.Z",
        "2026-01-31_23:59:59Z",
        "2026-01-31T23:59:59 Z",
        "2026-01-31T23:59:59Z\n",
        " 2026-01-31T23:59:59Z",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59+02:60",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "\uff12\uff10\uff12\uff16-01-31T23:59:59Z",
        "1769900399",
        "now",
        "",
    ],
)
def test_a_date_time_that_has_no_single_moment_is_refused(text):
    with pytest.raises(ValueError):
        parse_date_time(text)


@pytest.mark.parametrize(
    "text", ["2026-01-31T00:00:00Z", "2026-02-30", "0000-01-01", "20260131", "2026-1-1", "", "2026-W05-6"]
)
def test_only_a_day_that_exists_is_a_date(text):
    assert parse_date("2024-02-29") == date(2024, 2, 29)
    with pytest.raises(ValueError):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("23:59:59", time(23, 59, 59)),
        ("23:59:59Z", time(23, 59, 59)),
        ("23:59:59.1234567z", time(23, 59, 59, 123456)),
        ("01:00:00+02:00", time(23, 0)),
        ("23:00:00-0200", time(1, 0)),
    ],
)
def test_a_time_is_read_in_utc(text, expected):
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["23:59", "24:00:00", "23:59:60", "T23:59:59", "235959", "", "23:59:59+24:00"])
def test_a_time_without_seconds_or_past_its_clock_is_refused(text):
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("2026-01-31T23:59:59.123456Z", False),
        ("2026-01-31T23:59:59.1234560Z", False),
        ("2026-01-31T23:59:59.1234567Z", True),
        ("2026-01-31T23:59:59.123456001Z", True),
    ],
)
def test_zeros_past_the_microsecond_are_no_loss(text, cut):
    assert is_cut(text) is cut
