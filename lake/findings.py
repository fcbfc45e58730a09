"""What is wrong in a lake, as `lake verify` says it."""

from __future__ import annotations

from typing import Literal

import msgspec

from lake.text import to_bytes, to_table

Kind = Literal["log", "missing", "unpublished", "changed", "rows", "damaged", "leftover", "orphan", "foreign"]

_HEADER = ("kind", "file", "what is wrong")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        kind: ``log``: the chain of the log's entries is broken. ``missing``: a file that the log names is not there.
            ``unpublished``: nor is this one, of the last commit, which the next run publishes if it still can.
            ``changed``: its bytes are not those that were committed. ``rows``: the log counts other rows in it.
            ``damaged``: it cannot be read. ``leftover``: a commit removed it, and it still stands. ``orphan``: no
            commit names it. ``foreign``: nothing of ours writes such a file.
        key: Where the file stands in the lake.
        message: What was expected, and what was found.
        source: Whose it is; empty for nobody's.
    """

    kind: Kind
    key: str
    message: str
    source: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How many files had their bytes checked, how many bytes that were, and what was found."""

    files: int
    bytes: int
    findings: tuple[Finding, ...]


def to_findings_table(report: Report, *, terminal: bool) -> str:
    """Return what was checked, and what was found, as text."""
    found = f"{len(report.findings)} found wrong" if report.findings else "nothing wrong"
    checked = f"Checked {report.files:,} files, {to_bytes(report.bytes)}: {found}."
    if not report.findings:
        return checked
    rows = [(finding.kind, finding.key, finding.message) for finding in report.findings]
    return f"{to_table(_HEADER, rows, right=(), terminal=terminal)}\n\n{checked}"
