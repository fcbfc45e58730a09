"""Both engines answer alike: everything that `lake.spark.dialect` lets pass, over awkward values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from lake.sandbox import sandbox
from lake.spark.dialect import to_spark
from lake.zones.spark_engine import cast_columns
from tests.spark.awkward import TABLE, proved

if TYPE_CHECKING:
    import pyarrow as pa

pytestmark = pytest.mark.spark


@pytest.fixture(scope="session")
def view(session, tmp_path_factory) -> Any:
    path = tmp_path_factory.mktemp("awkward") / "t.parquet"
    pq.write_table(TABLE, path)
    session.read.parquet(f"file://{path}").createOrReplaceTempView("__table_0")
    return session


@pytest.mark.parametrize("text", proved())
def test_both_engines_give_the_same_rows(view, text):
    with sandbox({("", "t"): TABLE}) as connection:
        ours = connection.sql(text).to_arrow_table()
    spark = to_spark(text, {("", "t"): ("__table_0", TABLE.schema)}, "x.spark.sql")
    theirs = cast_columns(view.sql(spark), ours.schema, "t").toArrow()
    assert theirs.column_names == ours.column_names
    assert [str(field.type) for field in theirs.schema] == [str(field.type) for field in ours.schema]
    assert len(ours) == len(theirs)
    for mine, other in zip(rows(ours), rows(theirs), strict=True):
        assert all(same(a, b) for a, b in zip(mine, other, strict=True)), (mine, other)


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same; of sums of floats, whose order is not fixed, the last bits may differ."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-12)
    return one == other


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 9223372036854775807 + k AS r FROM t",
        "SELECT CAST(k + 40000 AS SMALLINT) AS r FROM t",
        "SELECT CAST(i AS INTEGER) AS r FROM t",
        "SELECT sum(i * 4000000000) AS r FROM t WHERE i = 5 OR i > 1000",
    ],
)
def test_what_does_not_fit_fails_on_spark_and_is_never_cut(view, text):
    spark = to_spark(text, {("", "t"): ("__table_0", TABLE.schema)}, "x.spark.sql")
    with pytest.raises(Exception, match=r"OVERFLOW|overflow"):
        view.sql(spark).collect()
