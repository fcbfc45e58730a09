"""pyarrow is told, before it loads, what this program never needs of it."""

from __future__ import annotations

import os
import sys


def start_lean() -> None:
    """Keep this process from loading numpy and pandas, and from keeping memory that it has freed.

    pyarrow loads numpy where it finds it, and `pyarrow.array` looks for pandas objects among its arguments: together
    half a second of every run. Its allocator keeps freed memory for a second, 50 MiB of it here: ten milliseconds
    will do.

    For a program's own main only, never for a library.
    """
    for name in ("numpy", "pandas"):
        sys.modules[name] = None  # type: ignore[assignment]  # what the import system takes for "not to be found"
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10")
