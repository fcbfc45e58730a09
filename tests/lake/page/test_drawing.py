"""Bars and boxes: geometry that says what the numbers say."""

from __future__ import annotations

import pytest

from lake.page.charts import run_chart, spread_chart
from lake.page.lineage import BOX_WIDTH, Graph, Node, draw
from lake.page.profile import Bar
from lake.page.run_bars import RunBar, to_run_bars, usual_gap_seconds
from lake.snapshot import HistoryEntry


def run(landed: int, rejected: int = 0, day: int = 1) -> RunBar:
    return RunBar("run", "run", f"2026-01-{day:02d}T12:00:00+00:00", landed, rejected, 0)


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (99, 100), (100, 100), (101, 200), (4999, 5000)])
def test_the_axis_ends_at_a_round_number_that_is_not_less(most, top):
    assert run_chart([run(most)]).top == top


def test_a_bar_is_as_high_as_what_it_counts_and_rejects_stand_on_it():
    landed, rejected = run_chart([run(50, 25), run(0)]).rects
    assert (landed.y, landed.height) == (50, 50)
    assert (rejected.y, rejected.height, rejected.role) == (25, 25, "rejected")


@pytest.mark.parametrize("landed_rows", [999_999, 1_000_000])
def test_one_reject_among_a_million_is_seen(landed_rows):
    landed, rejected = run_chart([run(landed_rows, 1)]).rects
    assert rejected.height > 1
    assert landed.height + rejected.height <= 100
    assert rejected.y + rejected.height == pytest.approx(landed.y)


def test_an_empty_range_has_no_height():
    assert [rect.height for rect in spread_chart([Bar("a", 10), Bar("b", 0), Bar("c", 5)]).rects] == [100, 0, 50]


def test_the_commits_of_a_run_are_one_bar():
    entries = [
        HistoryEntry(n, f"2026-01-31T12:0{n}:00+00:00", run, 5, 3, 2, 1, 10, None, purpose)
        for n, run, purpose in [(1, "a", "run"), (2, "a", "run"), (3, "b", "run"), (4, "b", "compact")]
    ]
    bars = to_run_bars(entries)
    assert [(bar.run, bar.purpose, bar.landed, bar.rejected) for bar in bars] == [
        ("a", "run", 6, 4),
        ("b", "run", 3, 2),
        ("b", "compact", 3, 2),
    ]
    assert bars[0].at == "2026-01-31T12:02:00+00:00"


def test_how_often_runs_come_is_told_from_four_of_them():
    assert usual_gap_seconds([run(1, day=day) for day in (1, 2, 3)]) is None
    assert usual_gap_seconds([run(1, day=day) for day in (1, 2, 3, 10)]) == 86_400


def graph(**inputs: list[str]) -> Graph:
    names = {*inputs, *(each for these in inputs.values() for each in these)}
    return Graph({name: Node(name, name, "landing") for name in sorted(names)}, inputs)


def test_a_box_stands_right_of_all_that_it_is_made_from():
    drawing = draw(graph(b=["a"], c=["b", "a"], d=["a"]))
    x = {box.node.name: box.x for box in drawing.boxes}
    assert x["a"] < x["b"] == x["d"] < x["c"]
    assert len(drawing.curves) == 4
    assert drawing.width >= max(x.values()) + BOX_WIDTH
    assert "c is made from b, a." in drawing.sentences
    places = [(box.x, box.y) for box in drawing.boxes]
    assert len(set(places)) == len(places)


def test_around_a_dataset_is_what_leads_to_it_and_what_comes_from_it():
    around = graph(b=["a"], c=["b"], d=["a"], e=["c", "x"]).around("b")
    assert set(around.nodes) == {"a", "b", "c", "e"}
    assert set(around.inputs) == {"b", "c", "e"}
    assert len(draw(around).curves) == 3


def test_an_input_that_is_gone_and_a_ring_do_no_harm():
    ring = Graph({name: Node(name, name, "clean") for name in "ab"}, {"a": ["b", "gone"], "b": ["a"]})
    assert len(draw(ring).boxes) == 2
    assert len(draw(ring.around("a")).boxes) == 2
