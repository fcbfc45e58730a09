"""pyarrow is told, before it loads, what this program never needs of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_M_TRIM_THRESHOLD = -1  # from glibc's malloc.h
_KEPT_BYTES = 8 << 20

_ABSENT = frozenset({"numpy", "pandas"})


class _Absent:
    """A finder that says of some modules that they are not installed; None in their place passes for one in pyarrow."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - the import system's
        """Raise ModuleNotFoundError for those modules, and leave the others to the finders after this one."""
        if name in _ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def start_lean() -> None:
    """Keep this process from loading numpy and pandas, and from keeping memory that it has freed.

    pyarrow loads numpy where it finds it, and `pyarrow.array` looks for pandas objects among its arguments: together
    half a second of every run. Its allocator keeps freed memory for a second, 50 MiB of it here: ten milliseconds
    will do. The C library's keeps more of it the larger the pieces are that were freed, 100 MiB for 200 streams.

    For a program's own main only, never for a library.
    """
    sys.meta_path.insert(0, _Absent)
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10")
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
