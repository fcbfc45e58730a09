from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.instants import format_instant, instant_of, parse_duration, parse_instant, ranks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T10:20:30Z", datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC)),
        ("2024-01-31t10:20:30z", datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC)),
        ("2024-01-31 10:20", datetime(2024, 1, 31, 10, 20, tzinfo=UTC)),
        ("2024-01-31T10:20:30.5+02:00", datetime(2024, 1, 31, 8, 20, 30, 500_000, tzinfo=UTC)),
        ("2024-01-31T10:20:30,25-0130", datetime(2024, 1, 31, 11, 50, 30, 250_000, tzinfo=UTC)),
        ("2024-01-31T10:20:30.123456789Z", datetime(2024, 1, 31, 10, 20, 30, 123_456, tzinfo=UTC)),
        ("2024-02-30", None),
        ("20240131", None),
        ("2024-W05", None),
        ("31.01.2024", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        ("२०२४-०१-३१", None),
    ],
)
def test_instants_are_rfc_3339_in_any_zone(text: str, expected: datetime | None) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P7D", timedelta(days=7)),
        ("P2W", timedelta(days=14)),
        ("PT5M", timedelta(minutes=5)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT0S", timedelta()),
        ("P1M", None),
        ("P1Y", None),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("5M", None),
        ("-P1D", None),
    ],
)
def test_durations_have_a_fixed_length(text: str, expected: timedelta | None) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("value", [1704067200, 1704067200000, Decimal("1704067200.0"), "2024-01-01T00:00:00Z"], ids=str)
def test_epochs_are_seconds_or_milliseconds_by_their_size(value: object) -> None:
    assert instant_of(value) == datetime(2024, 1, 1, tzinfo=UTC)


def test_what_is_no_instant_is_none() -> None:
    assert instant_of(True) is None
    assert instant_of("soon") is None
    assert instant_of([1]) is None


@pytest.mark.parametrize(
    "ascending",
    [
        ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:01Z"],
        ["2024-01-01T00:00:00Z", "2024-01-01T02:00:00+01:00", "2024-01-01T02:00:00Z"],
        ["2024-01-01", "2024-01-01T00:00:01Z", "2024-01-02"],
        ["2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00.12345678Z"],
        ["2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.54Z", "2024-01-01T00:00:00.6Z", "2024-01-01T00:00:01Z"],
        ["2024-01-01T00:00:00Z", f"2024-01-01T00:00:00.{'0' * 50}1Z", "2024-01-01T00:00:00.1Z"],
        ["2024-01-31", "2024-02-01"],
        [1, 2.5, Decimal("2.75"), 10**30],
        ["a", "b"],
        ["2024-01-01", "n/a"],
    ],
    ids=str,
)
def test_values_rank_as_numbers_as_instants_or_as_texts(ascending: list[object]) -> None:
    ranked = ranks(ascending)
    assert ranked == sorted(ranked)
    assert len(set(map(str, ranked))) == len(ascending)


@pytest.mark.parametrize(
    "same",
    [
        ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z"],
        ["2024-01-01T00:00:00.500Z", "2024-01-01T00:00:00.5Z"],
        ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"],
        ["2024-01-01", "2024-01-01T00:00:00Z"],
        [1, 1.0, Decimal("1.00")],
    ],
    ids=str,
)
def test_one_instant_written_in_two_ways_ranks_the_same(same: list[object]) -> None:
    first, *rest = ranks(same)
    assert all(rank == first for rank in rest)


def test_numbers_and_texts_have_no_order() -> None:
    with pytest.raises(TypeError):
        ranks([1, "2024-01-01"])


zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
instants = st.datetimes(datetime(1900, 1, 2), datetime(2900, 1, 1), timezones=zones | st.just(UTC))  # noqa: DTZ001


@given(st.lists(instants, min_size=1))
def test_ranks_order_as_the_instants_do_whether_parsed_or_not(moments: list[datetime]) -> None:
    in_utc = [format_instant(moment) for moment in moments]
    in_zones = [moment.isoformat() for moment in moments]
    for texts in (in_utc, in_zones):
        ranked = ranks(texts)
        order = sorted(range(len(moments)), key=lambda index: ranked[index])
        assert [moments[index] for index in order] == sorted(moments)


@given(instants)
def test_an_instant_survives_being_written(moment: datetime) -> None:
    assert parse_instant(format_instant(moment)) == moment
