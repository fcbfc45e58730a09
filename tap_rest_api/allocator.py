"""Turns off the C library's habit of giving a page's memory back, only to be given it again for the next page.

A page is read, cut and written in buffers of some hundred kilobytes each. glibc returns those to the system as soon as
they are free, and every new one is then mapped in anew, 4 KiB at a time: a third of the tap's time went there.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_KEPT_BYTES = 16 << 20
_MAPPED_BYTES = 8 << 20  # an allocation from this size on is a mapping of its own, and goes back when it is freed
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h


def keep_freed_memory() -> None:
    """Let the process keep some free megabytes, in one arena for all threads. Without glibc, nothing changes."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_TRIM_THRESHOLD, _KEPT_BYTES), (_MMAP_THRESHOLD, _MAPPED_BYTES), (_ARENA_MAX, 1)):
            mallopt(option, value)
