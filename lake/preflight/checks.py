"""What was looked at becomes a tick, a warning or a cross, with its mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from lake.text import to_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.errors import LakeError
    from target_datalake.errors import TargetError

State = Literal["ok", "warning", "failed"]

_MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "failed": "✗"}
_WORDS: dict[State, str] = {"ok": "ok", "warning": "warn", "failed": "FAIL"}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        what: What it is: ``configuration``, ``stream orders``, ``clock``.
        state: ``ok``; ``warning`` for what a run survives; ``failed`` for what would end it.
        found: What was seen.
        fix: How to mend it; empty where nothing is to be mended.
        exit_code: What the run would end with; 0 unless it failed.
    """

    what: str
    state: State = "ok"
    found: str = ""
    fix: str = ""
    exit_code: int = 0


def to_failure(what: str, error: LakeError | TargetError) -> Check:
    """Return the cross that an error stands for."""
    found = f"{error.message} ({error.where})" if error.where else error.message
    return Check(what=what, state="failed", found=found, fix=error.fix, exit_code=error.exit_code)


def exit_code(checks: Sequence[Check]) -> int:
    """Return the code of what has to be mended first: configuration, credentials, the API, storage."""
    return min((check.exit_code for check in checks if check.exit_code), default=0)


def to_text(checks: Sequence[Check], *, terminal: bool) -> str:
    """Return the checks as a table, and below it the mends."""
    marks = _MARKS if terminal else _WORDS
    rows = [(marks[check.state], check.what, check.found) for check in checks]
    table = to_table(("", "check", "found"), rows, right=(), terminal=terminal)
    mends = [f"{marks[check.state]} {check.what}: {check.fix}" for check in checks if check.fix]
    return "\n".join([table, *(["", "To mend:", *mends] if mends else [])])
