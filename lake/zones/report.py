"""What became of the datasets of a build becomes text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.text import shorten, to_bytes, to_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.zones.built import Built

_HEADER = ("dataset", "outcome", "version", "rows", "files", "bytes", "seconds", "why")
_RIGHT = ("version", "rows", "files", "bytes", "seconds")
_WHY = 60


def to_build_table(done: Sequence[Built], *, terminal: bool) -> str:
    """Return a line for each dataset, and one that adds them up."""
    if not done:
        return "There is nothing to build: no dataset is defined, and no stream with a primary key has landed."
    table = to_table(_HEADER, [_row(each) for each in done], right=_RIGHT, terminal=terminal)
    outcomes = [each.outcome for each in done]
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
    return f"{table}\n\n{counts[0].upper()}{counts[1:]}."


def _row(each: Built) -> tuple[str, ...]:
    if each.version is None:
        return each.dataset, each.outcome, "-", "-", "-", "-", "-", shorten(each.reason, _WHY)
    return (
        each.dataset,
        each.outcome,
        str(each.version),
        f"{each.rows:,}",
        f"{each.files:,}",
        to_bytes(each.bytes),
        f"{each.seconds:.1f}",
        shorten(each.reason, _WHY),
    )
