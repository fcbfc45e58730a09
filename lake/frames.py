"""An Arrow table becomes what another library works on: a DataFrame of pandas or Polars, a relation of DuckDB."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

Engine = Literal["arrow", "pandas", "polars", "duckdb", "spark"]


def to_frame(table: pa.Table, engine: Engine) -> Any:
    """Return a table as an engine's own kind of table; all but Spark's, which reads the files itself.

    Raises:
        MissingExtraError: The engine's library is not installed.
    """
    return _FRAMES[engine](table)


def _same(table: pa.Table) -> pa.Table:
    return table


def _to_pandas(table: pa.Table) -> Any:
    """Use Arrow's types in pandas, in which a nullable int64 stays exact."""
    return table.to_pandas(types_mapper=_library("pandas").ArrowDtype)


def _to_polars(table: pa.Table) -> Any:
    return _library("polars").from_arrow(table)


def _to_duckdb(table: pa.Table) -> Any:
    """Return a relation of a connection of its own, which lives as long as the relation does."""
    import duckdb  # 40 ms, for those who ask for it

    return duckdb.connect(":memory:").from_arrow(table)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"{name} is not installed", fix=f"pip install 'rest-datalake[{name}]'") from error


_FRAMES: dict[Engine, Callable[[pa.Table], Any]] = {
    "arrow": _same,
    "pandas": _to_pandas,
    "polars": _to_polars,
    "duckdb": _to_duckdb,
}
