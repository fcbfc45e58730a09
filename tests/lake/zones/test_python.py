"""Python datasets: `build(catalog)` sees what it declares, as it was when the build began."""

from __future__ import annotations

import pytest

from lake.errors import LakeError
from tests.lake.writer import Part, numbered

CHURN = """\
# description: Orders by parity
# inputs: clean.orders, landing.shops
# primary key: odd

import pyarrow.compute as pc

def build(catalog):
    orders = catalog["clean.orders"].read(columns=["id"])
    odd = pc.bit_wise_and(orders["id"], 1)
    return orders.append_column("odd", odd).group_by("odd").aggregate([([], "count_all")])
"""


def test_a_function_makes_a_dataset(bench):
    bench.writer.commit(Part(numbered(1, 2, 3)), Part(numbered(1), stream="shops"))
    bench.write("business/churn.py", CHURN)
    assert bench.outcomes()["business.churn"] == "built"
    assert bench.rows("business.churn") == [{"odd": 0, "count_all": 1}, {"odd": 1, "count_all": 2}]
    assert bench.outcomes()["business.churn"] == "fresh"
    bench.writer.commit(Part(numbered(2), stream="shops"))
    assert bench.outcomes()["business.churn"] == "built"


MISTAKES = {
    "no function": ("x = 1", "no function build(catalog)", "a.py"),
    "a syntax error": ("x = 1\ndef build(:", "SyntaxError", "a.py:2"),
    "an error": ("def build(catalog):\n    x = 'secret'\n    return {}[x]", "KeyError", "a.py:3"),
    "an exit": ("import sys\n\nsys.exit(3)", "SystemExit", "a.py:3"),
    "no table": ("def build(catalog):\n    return [1]", "returned list", "a.py"),
    "what it does not declare": (
        "def build(catalog):\n    return catalog['orders'].read()",
        "none of the declared",
        "",
    ),
    "columns of one name": (
        "import pyarrow as pa\ndef build(catalog):\n    return pa.table([[1], [2]], names=['a', 'A'])",
        *("two columns are named", "a.py:3"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_it_is_exit_2_with_its_place_and_no_value(bench, name):
    text, message, where = MISTAKES[name]
    bench.writer.commit(Part(numbered(1)))
    bench.write("clean/a.py", text)
    done = bench.build("clean.a")
    (error,) = bench.errors
    assert (done["clean.a"].outcome, done["clean.a"].exit_code) == ("failed", 2)
    assert message in error.message
    assert error.where.endswith(where)
    assert "secret" not in error.show()


def test_headers_of_sql_are_refused_in_python(bench):
    bench.write("clean/a.py", "# primary key: id\n# incremental: landing.orders\ndef build(catalog): ...")
    with pytest.raises(LakeError, match="for SQL datasets"):
        bench.build()
