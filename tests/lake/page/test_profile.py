"""A profile says what the rows hold, in bounded memory, and without values where none are to be shown."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from lake.page import profile
from lake.page.profile import Bar, profile_rows
from lake.page.scale import cut
from target_datalake.widening import json_text


def profiled(values, kind, *, shown=True, field=None):
    table = pa.table([pa.array(values, kind)], schema=pa.schema([field or pa.field("a.B", kind)]))
    found = profile_rows(None, ds.InMemoryDataset(table), table.column_names, values=shown)  # memory is never damaged
    assert found.rows == len(values)
    return found.columns[table.column_names[0]]


def test_whole_numbers_are_counted_in_bars_of_whole_width():
    found = profiled([*range(100), None], pa.int64())
    assert (found.nulls, found.distinct, found.low, found.high) == (1, 100, "0", "99")
    assert found.bars == tuple(Bar(f"{n} to {n + 4}", 5) for n in range(0, 100, 5))


def test_a_few_values_are_shown_one_by_one_in_their_order():
    assert profiled([3, 1, 1, 1, 3, 1, None], pa.int64()).bars == (Bar("1", 4), Bar("3", 2))
    assert profiled([3, 1, 1], pa.int64()).bars == (Bar("1", 2), Bar("2", 0), Bar("3", 1))
    assert profiled([True, False, True], pa.bool_()).bars == (Bar("false", 1), Bar("true", 2))


def test_texts_are_shown_by_how_common_they_are():
    found = profiled(["b", "a", "b", "", None], pa.string())
    assert found.bars == (Bar("b", 2), Bar("", 1), Bar("a", 1))
    assert (found.distinct, found.low, found.high) == (3, "", "b")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (
            [Decimal("0.10"), Decimal("99999999999999999999999.99"), *(Decimal(n) for n in range(9))],
            pa.decimal128(38, 2),
        ),
        ([float("nan"), float("inf"), -float("inf"), *(n / 2 for n in range(50))], pa.float64()),
        ([-(2**63), 2**63 - 1, *range(50)], pa.int64()),
        (
            [dt.datetime(1, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=n * 40_000) for n in range(60)],
            pa.timestamp("us", "UTC"),
        ),
        ([dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(60)], pa.date32()),
        ([dt.time(n % 24, n) for n in range(60)], pa.time64("us")),
    ],
    ids=["decimal", "not finite", "the whole of int64", "moments", "days", "times"],
)
def test_every_value_with_a_place_on_a_scale_is_in_one_bar(values, kind):
    found = profiled(values, kind)
    placed = [value for value in values if not (isinstance(value, float) and value - value != 0)]
    assert sum(bar.rows for bar in found.bars) == len(placed)
    assert found.by_range
    assert len(found.bars) <= 20
    assert len({bar.label for bar in found.bars}) == len(found.bars)


@pytest.mark.parametrize(
    ("values", "kind", "field"),
    [
        ([{"x": 1}, None], pa.struct([("x", pa.int64())]), None),
        ([[1], [2]], pa.list_(pa.int64()), None),
        (['{"a":1}', "5"], pa.string(), json_text("j")),
        ([b"\xff", None], pa.binary(), None),
    ],
    ids=["struct", "list", "JSON text", "bytes"],
)
def test_of_nested_values_only_the_missing_are_counted(values, kind, field):
    found = profiled(values, kind, field=field)
    assert (found.nulls, found.distinct, found.bars, found.low) == (values.count(None), None, (), "")


@pytest.mark.parametrize("values", [[], [None, None]], ids=["no rows", "nothing but nulls"])
def test_where_there_is_nothing_nothing_is_shown(values):
    found = profiled(values, pa.int64())
    assert (found.nulls, found.bars, found.low, found.high) == (len(values), (), "", "")


def test_columns_that_differ_by_case_are_told_apart():
    table = pa.table({"id": [1, 1], "ID": [1, 2], 'a"; DROP TABLE rows; --': [None, 1]})
    found = profile_rows(None, ds.InMemoryDataset(table), table.column_names, values=True)
    assert [column.distinct for column in found.columns.values()] == [1, 2, 1]


@pytest.mark.parametrize(
    ("values", "kind"), [(["a@b.example"] * 3, pa.string()), ([*range(4711, 4811)], pa.int64()), ([7, 7], pa.int64())]
)
def test_without_values_a_profile_holds_no_value_and_a_range_keeps_its_shape(values, kind):
    found = profiled(values, kind, shown=False)
    assert (found.low, found.high) == ("", "")
    assert all(bar.label == "" for bar in found.bars)
    assert len(found.bars) in {0, 20}
    assert found.distinct == len(set(values))


def test_past_so_many_rows_distinct_values_are_estimated_and_said_to_be(monkeypatch):
    monkeypatch.setattr(profile, "_EXACT_ROWS", 999)
    found = profiled([*range(1000)], pa.int64())
    assert not found.exact
    assert found.distinct == pytest.approx(1000, rel=0.1)


def test_a_range_is_cut_so_that_every_place_has_its_bar():
    draw = random.Random(7)
    for _ in range(300):
        unit = draw.choice([0, 1, 86_400])
        low = draw.randint(-(10**6), 10**6) * (unit or 0.37)
        high = low + draw.randint(1, 10**6) * (unit or 0.61)
        scale = cut(low, high, unit)
        assert scale.bins <= 20
        assert scale.low + scale.step * scale.bins - unit >= high - abs(high) * 1e-12


def test_a_range_without_a_width_has_no_scale():
    assert cut(1.5, 1.5, 0) is None
    assert cut(-1.7e308, 1.7e308, 0) is None
