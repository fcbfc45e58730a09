"""What the columns accept the validator accepts, with equal values: both paths come to equal tables and equal rejects.

COLUMNAR_MUTANTS=100000 runs the long version (`make sweep-columnar`).
"""

import itertools
import os
import random

import pytest

from target_datalake.arrow_schema import stream_schema
from target_datalake.columnar.parser import ColumnarParser, make_parser
from target_datalake.errors import MessageError, SchemaError
from target_datalake.rows import RowParser
from target_datalake.runs import to_run
from tests.target.columnar.mutants import damaged, message, mutated
from tests.target.columnar.schemas import stream

MUTANTS = int(os.environ.get("COLUMNAR_MUTANTS", "2000"))
WORKERS = 4
MOST_LINES = 24


def outcome(parser, runs):
    """Return the rows and rejects, or the mistake of the tap."""
    try:
        parsed = parser.parse(runs, commit=3, batched_at_us=5)
    except MessageError as error:
        return str(error)
    parsed.batch.validate(full=True)
    return parsed


def lines_of(draw, write):
    """Return the lines of a chunk, and how many of them are mutants."""
    share = draw.choice([0.03, 0.1, 0.3])
    mutants = [draw.random() < share for _ in range(draw.randint(1, MOST_LINES))]
    lines = [message(draw, mutated(draw, write(draw)) if is_mutant else write(draw)) for is_mutant in mutants]
    if draw.random() < 0.05:
        at = draw.randrange(len(lines))
        lines[at] = damaged(draw, lines[at])
    return lines, sum(mutants)


def runs_of(draw, lines):
    cuts = sorted(draw.choices(range(len(lines) + 1), k=draw.randrange(3)))
    bounds = [0, *cuts, len(lines)]
    return [to_run(lines[start:end], start + 1, 7 + start) for start, end in itertools.pairwise(bounds)]


def compare(draw, schema, write, tally):
    formats, keep_raw = draw.choice(["typed", "typed", "all"]), draw.random() < 0.2
    try:
        joined = stream_schema("s", schema, ())
        columnar = make_parser(joined, formats=formats, keep_raw=keep_raw)
    except SchemaError:
        return 0
    if not isinstance(columnar, ColumnarParser):
        return 0
    plain = RowParser(joined, formats=formats, keep_raw=keep_raw)
    mutants = 0
    for _ in range(8):
        lines, some = lines_of(draw, write)
        mutants += some
        runs = runs_of(draw, lines)
        expected, found = outcome(plain, runs), outcome(columnar, runs)
        if isinstance(expected, str) or isinstance(found, str):
            assert expected == found, (schema, lines)
            continue
        assert found.rejects == expected.rejects, (schema, lines)
        assert found.batch.schema.equals(expected.batch.schema, check_metadata=True)
        assert found.batch.equals(expected.batch), (schema, lines, found.batch.to_pylist(), expected.batch.to_pylist())
        columnar._to_skip = 0  # each chunk is to be tried
        tally["rows"] += expected.batch.num_rows
    return mutants


@pytest.mark.timeout(0 if MUTANTS > 10_000 else 300)
@pytest.mark.parametrize("worker", range(WORKERS))
def test_both_paths_come_to_the_same(worker, monkeypatch):
    tally = {"rows": 0, "columns": 0}
    land = ColumnarParser._land

    def counting(self, *arguments):
        batches, doubtful = land(self, *arguments)
        tally["columns"] += sum(batch.num_rows for batch in batches)
        return batches, doubtful

    draw, mutants = random.Random(worker), 0
    monkeypatch.setattr(ColumnarParser, "_land", counting)
    while mutants < MUTANTS / WORKERS:
        schema, write = stream(draw)
        mutants += compare(draw, schema, write, tally)
    assert tally["columns"] > tally["rows"] * 0.4, tally  # most rows were really read as columns
