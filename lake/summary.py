"""A run's record becomes what is printed at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lake.runs import StreamTotals
from lake.text import to_bytes, to_table
from target_datalake import layout
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lake.runs import RunRecord

_HEADER = ("stream", "received", "landed", "rejected", "files", "bytes", "seconds")


@dataclass(frozen=True)
class Place:
    """Where a lake is: its address, and what `Catalog` is to be given to read it."""

    uri: str
    readable_as: str


def to_summary(record: RunRecord, lake: Place, reasons: Sequence[str], *, terminal: bool) -> str:
    """Return the end of a run as text.

    Args:
        record: The run.
        lake: Where it landed.
        reasons: Why records were rejected, the commonest reason first; empty where none were, or nobody looked.
        terminal: Draw for a terminal.
    """
    lines = []
    if record.streams:
        lines += [to_table(_HEADER, _rows(record), right=_HEADER[1:], terminal=terminal), ""]
    lines.append(_outcome(record))
    if record.landed:
        lines += _where(record, lake)
    if record.rejected:
        lines += _rejects(record, lake.uri, reasons)
    return "\n".join(lines)


def to_json(record: RunRecord, lake: str) -> str:
    """Return the end of a run as one line of JSON: its record, and the lake it landed in."""
    document: dict[str, Any] = {"lake": lake, **msgspec.to_builtins(record)}
    return msgspec.json.encode(document).decode()


def common_reasons(rejected: Iterable[dict[str, Any]]) -> list[str]:
    """Return why records were rejected, the commonest reason first: path and rule, never a value."""
    reasons = Counter(_reason(line) for line in rejected)
    return [f"{reason} ({count:,} times)" if count > 1 else reason for reason, count in reasons.most_common()]


def _reason(line: dict[str, Any]) -> str:
    errors = line.get("errors") or [{}]
    path, message = errors[0].get("path", ""), errors[0].get("message", line.get("reason", "unknown"))
    return f"{path}: {message}" if path else str(message)


def _rows(record: RunRecord) -> list[tuple[str, ...]]:
    rows = [(stream, *_cells(totals), "") for stream, totals in sorted(record.streams.items())]
    every = record.streams.values()
    total = StreamTotals(*(sum(getattr(each, name) for each in every) for name in StreamTotals.__struct_fields__))
    return [*rows, ("total", *_cells(total), f"{record.seconds:.1f}")]


def _cells(totals: StreamTotals) -> tuple[str, ...]:
    counts = (totals.received, totals.landed, totals.rejected, totals.files)
    return (*(f"{count:,}" for count in counts), to_bytes(totals.bytes))


def _outcome(record: RunRecord) -> str:
    commits = f"commit{'s' if len(record.commits) > 1 else ''} {_span(record.commits)}" if record.commits else ""
    what = commits or "nothing new to commit"
    if record.outcome == "succeeded":
        return f"Run {record.run} of source {record.source!r} succeeded: {what}."
    if record.outcome == "stopped":
        return f"Run {record.run} of source {record.source!r} was stopped by a signal: {what}. Run again to continue."
    ends = f"tap exit code {record.tap_exit_code}, target exit code {record.target_exit_code}"
    return f"Run {record.run} of source {record.source!r} failed ({ends}): {what}. Run again once mended."


def _span(commits: Sequence[int]) -> str:
    return str(commits[0]) if len(commits) == 1 else f"{commits[0]}-{commits[-1]}"


def _where(record: RunRecord, lake: Place) -> list[str]:
    stream = max(record.streams, key=lambda name: record.streams[name].landed)
    place = f"{lake.uri}/landing/{layout.encode_name(record.source)}"
    return [
        f"Landed in {escape(place)}. Read it in Python:",
        f'  from lake import Catalog; Catalog("{escape(lake.readable_as)}")["{escape(stream)}"].read()',
    ]


def _rejects(record: RunRecord, lake: str, reasons: Sequence[str]) -> list[str]:
    commonest = f", most often for {escape(reasons[0])}" if reasons else ""
    kept = f"{lake}/{layout.rejected_prefix(record.source)}"
    return [f"Rejected: {record.rejected:,}{commonest}.", f"  `lake rejects` shows why; they are in {escape(kept)}."]
