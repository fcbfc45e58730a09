"""What became of a dataset in a build."""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["built", "merged", "fresh", "failed", "skipped"]


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a dataset in a build.

    Attributes:
        dataset: Its full name.
        outcome: ``built`` from all rows; ``merged`` from new ones; ``fresh``: nothing to do; ``failed``: the version
            before stands; ``skipped``: something it is built from failed.
        reason: Why it was built, or what is wrong.
        version: The version that readers see; None without any.
        rows: Its rows.
        files: Its files.
        bytes: Their size.
        seconds: How long it took.
        exit_code: What a failure makes the command exit with.
    """

    dataset: str
    outcome: Outcome
    reason: str = ""
    version: int | None = None
    rows: int = 0
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    exit_code: int = 0
