"""Imports of numpy and pandas become the answer that they are not installed.

pyarrow loads numpy where it finds it, and `pyarrow.array` looks for pandas objects among its arguments: together half a
second of every run, for objects that this program never makes.
"""

from __future__ import annotations

import sys


def bar_numpy_and_pandas() -> None:
    """Keep this process from loading them. For a program's own main only, never for a library."""
    for name in ("numpy", "pandas"):
        sys.modules[name] = None  # type: ignore[assignment]  # what the import system takes for "not to be found"
