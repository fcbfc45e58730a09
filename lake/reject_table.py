"""Rejected records become text: a table of why, or each one with its own text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from lake.text import shorten, to_minute, to_table
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lake.reject_list import RejectedRecord

_HEADER = ("dataset", "reason", "where", "what is wrong", "records", "first", "last", "kept")

_MAX_RAW = 2_000
"""Characters of a record's text that are shown; JSON output has all of it."""


class RejectReason(NamedTuple):
    """Why records of a dataset were rejected: what their first errors have in common, and never a value of theirs."""

    dataset: str
    reason: str
    path: str
    message: str
    kept: str


@dataclass
class RejectTally:
    """How many records were rejected for a reason, and when: RFC 3339; None where nobody knows."""

    records: int = 0
    first: str | None = None
    last: str | None = None

    def count(self, at: str | None) -> None:
        """Count one more record, rejected at a time."""
        self.records += 1
        if at is not None:
            self.first = min(self.first or at, at)
            self.last = max(self.last or at, at)


def tally_rejects(records: Iterable[RejectedRecord]) -> list[tuple[RejectReason, RejectTally]]:
    """Return how many records were rejected for each reason, by dataset, the commonest reason first."""
    tallies: dict[RejectReason, RejectTally] = {}
    for record in records:
        path, message = _first_error(record)
        kept = "sample of a refused run" if record.refused else "yes"
        why = RejectReason(record.dataset, record.reason, path, message, kept)
        tallies.setdefault(why, RejectTally()).count(record.at)
    return sorted(tallies.items(), key=lambda item: (item[0].dataset, -item[1].records))


def to_reject_table(records: Iterable[RejectedRecord], *, terminal: bool) -> str:
    """Return how many records were rejected for each reason, the commonest first, without any value of theirs."""
    common = tally_rejects(records)
    if not common:
        return "No record was rejected."
    rows = [
        (*why[:4], f"{tally.records:,}", _minute(tally.first), _minute(tally.last), why.kept) for why, tally in common
    ]
    return to_table(_HEADER, rows, right=("records",), terminal=terminal)


def to_reject_lines(records: Iterable[RejectedRecord]) -> Iterator[str]:
    """Yield what each record is and why it was rejected, then its text; control characters are shown, not obeyed."""
    for record in records:
        place = f"{record.dataset} commit {record.commit} line {record.line}, run {record.run}"
        yield escape(f"{place}{' (refused)' if record.refused else ''}: {record.reason}")
        for error in record.errors:
            yield escape(f"  {error.get('path') or '(record)'}: {error.get('message', '')}")
        yield escape(f"  {shorten(_text(record), _MAX_RAW)}")


def _text(record: RejectedRecord) -> str:
    if record.sha256 is not None:
        return f"(not kept: {record.bytes} bytes, sha256 {record.sha256})"
    return record.raw if record.raw is not None else f"(base64) {record.raw_base64 or ''}"


def _first_error(record: RejectedRecord) -> tuple[str, str]:
    error = record.errors[0] if record.errors else {}
    return error.get("path") or "(record)", error.get("message", "")


def _minute(text: str | None) -> str:
    return "-" if text is None else to_minute(datetime.fromisoformat(text))
