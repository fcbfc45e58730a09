"""An engine's name becomes what runs each language's definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.zones.duckdb_engine import DuckDbEngine
from lake.zones.python_engine import PythonEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.zones.engine import Engine

_SQL: Mapping[str, Callable[[], Engine]] = {"duckdb": DuckDbEngine}

ENGINES = tuple(_SQL)
"""What can run SQL."""


def open_engines(name: str) -> dict[str, Engine]:
    """Return what runs definitions in SQL, by an engine's name, and those in Python."""
    return {"sql": _SQL[name](), "python": PythonEngine()}
