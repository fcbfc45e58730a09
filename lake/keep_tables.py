"""What the commands that keep a lake in order did becomes text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.text import to_bytes, to_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.compact import Compacted

_COMPACTED = ("dataset", "commit", "files before", "after", "bytes before", "bytes after")


def to_compact_table(done: Sequence[Compacted], *, terminal: bool) -> str:
    """Return what was merged."""
    if not done:
        return "There is nothing to merge."
    rows = [
        (
            each.dataset,
            str(each.commit),
            f"{each.files_before:,}",
            f"{each.files_after:,}",
            to_bytes(each.bytes_before),
            to_bytes(each.bytes_after),
        )
        for each in done
    ]
    return to_table(_COMPACTED, rows, right=_COMPACTED[1:], terminal=terminal)
