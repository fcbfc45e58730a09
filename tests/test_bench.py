"""The benchmark's own parts: what it measures with must be the same on every machine."""

from __future__ import annotations

import json

import pytest

from bench.bars import BARS, judge
from bench.measure import Cost
from bench.messages import INVALID_EVERY, message_lines
from bench.page_server import page_body
from bench.plot import to_svg
from bench.rounds import Contender, FailedError, Result, median_ratio, run_rounds
from bench.shapes import BLOCK_RECORDS, FIRST_ID, SHAPES, Shape


def small(shape: Shape) -> Shape:
    return Shape(shape.name, shape.schema, shape.draw, block_records=100)


@pytest.mark.parametrize("name", SHAPES)
def test_records_are_the_same_each_time_and_go_on_over_the_edge_of_a_block(name):
    shape = small(SHAPES[name])
    first, second = (json.loads(b"[%b]" % shape.text(start, 100)) for start in (0, 100))
    assert first == json.loads(b"[%b]" % small(SHAPES[name]).text(0, 100))
    both = [*first, *second]
    assert [record["id"] for record in both] == list(range(FIRST_ID, FIRST_ID + 200))
    assert [record["updated_at"] for record in both] == sorted(record["updated_at"] for record in both)
    assert set(first[0]) == set(SHAPES[name].schema["properties"])


def test_one_record_in_a_hundred_is_flawed_where_that_is_asked_for():
    messages = [json.loads(line) for line in message_lines(small(SHAPES["narrow"]), 300, is_flawed=True)]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert [at for at, record in enumerate(records, 1) if isinstance(record["id"], str)] == [100, 200, 300]
    assert INVALID_EVERY == 100
    assert messages[-1]["type"] == "STATE"


def test_pages_end_where_the_records_do():
    shape = small(SHAPES["narrow"])
    bodies = [json.loads(page_body(shape, 120, 50, number)) for number in (1, 2, 3, 4)]
    assert [len(body["data"]) for body in bodies] == [50, 50, 20, 0]
    assert [body["meta"]["next"] for body in bodies] == [2, 3, None, None]


def test_each_contender_takes_its_turn_in_every_round_and_one_that_fails_is_left_out():
    turns = []

    def fail() -> Cost:
        raise FailedError("does not install")

    def take(name: str, seconds: float):
        return lambda: turns.append(name) or Cost(seconds, seconds, 1)

    contenders = [Contender("a", take("a", 1), 10), Contender("b", take("b", 2), 10, rounds=1), Contender("c", fail, 1)]
    a, b, c = run_rounds(contenders, 2, lambda _: None)
    assert turns == ["a", "b", "a"]
    assert median_ratio(a.rates, b.rates) == 2
    assert c.failure == "does not install"


def test_a_bar_that_nobody_measured_is_neither_reached_nor_missed():
    cost = Cost(1, 1, 100)
    fast, slow = Result("ours", 400_000, (cost,)), Result("ours", 1000, (cost,))
    reached = {verdict.bar.what: verdict.is_met for verdict in judge({"target": {"ours": fast}, "tap": {"ours": slow}})}
    assert len(reached) >= len({bar.what for bar in BARS})
    assert reached["target, reviews, validating"] is True
    assert reached["tap, reviews"] is False
    assert reached["opening a lake of 10,000 commits"] is None


def test_the_plot_leaves_out_what_has_no_figure():
    svg = to_svg({"Tap": [Result("ours", 10, (Cost(1, 1, 1),)), Result("theirs & others", 10, failure="no")]})
    assert svg.startswith("<svg")
    assert "theirs" not in svg


def test_a_block_is_what_pages_divide():
    assert BLOCK_RECORDS % 1000 == 0
