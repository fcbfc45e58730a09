"""An engine's name becomes what runs each language's definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.spark.session import SparkOptions, check_options
from lake.zones.duckdb_engine import DuckDbEngine
from lake.zones.python_engine import PythonEngine

if TYPE_CHECKING:
    from lake.zones.engine import Engine


def open_engines(name: str, spark: SparkOptions) -> dict[str, Engine]:
    """Return what runs definitions in SQL, by an engine's name, and those in Python. Raises UsageError."""
    return {"sql": _open_sql(name, spark), "python": PythonEngine()}


def _open_sql(name: str, spark: SparkOptions) -> Engine:
    if name == "duckdb":
        return DuckDbEngine()
    from lake.zones.spark_engine import SparkEngine  # sqlglot's optimizer is for Spark alone

    check_options(spark)
    return SparkEngine(spark)
