"""A storage that crashes at its n-th change, as a kill would: before the change, with all earlier ones done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_datalake.storage import Storage

CHANGES = frozenset({"put", "put_if_absent", "delete", "move", "publish", "stage"})


FULL = os.environ.get("CRASH") == "full"
"""Whether to crash before every change (`make crash`), or before a sample of them."""


class Crash(BaseException):
    """The process would be gone here; nothing may catch it."""


class CrashingStorage:
    """Another storage, up to its n-th change; without a number it only counts."""

    def __init__(self, storage: Storage, at: int | None = None) -> None:
        self._storage = storage
        self._at = at
        self.changes = 0

    def with_scratch(self, scratch: str) -> CrashingStorage:
        """Stage elsewhere from here on; changes go on being counted."""
        self._storage = self._storage.with_scratch(scratch)
        return self

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._storage, name)
        return self._counted(value) if name in CHANGES else value

    def _counted(self, change: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            if self.changes == self._at:
                raise Crash
            self.changes += 1
            return change(*arguments, **options)

        return counted


def crash_points(changes: int, sample: int) -> list[int]:
    """Return which of so many changes to crash before: all, or a sample with the first and the last."""
    if FULL or sample >= changes:
        return list(range(changes))
    return sorted({point * (changes - 1) // (sample - 1) for point in range(sample)})
