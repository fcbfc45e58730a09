"""Where a dataset comes from becomes a tree that people read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lake.text import to_minute
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.zones.lineage import Lineage, RunOrigin

_SHOWN_RUNS = 10


def to_lineage_text(lineage: Lineage) -> str:
    """Return a line for each dataset and run, each below what was made of it."""
    return "\n".join(_lines(lineage, ""))


def _lines(lineage: Lineage, indent: str) -> Iterator[str]:
    yield f"{indent}{escape(lineage.dataset)}  {_facts(lineage)}"
    for each in lineage.inputs:
        yield from _lines(each, f"{indent}  ")
    older = len(lineage.runs) - _SHOWN_RUNS
    if older > 0:
        yield f"{indent}  … {older:,} older runs; --json has all"
    for run in lineage.runs[-_SHOWN_RUNS:]:
        yield f"{indent}  {_run(run)}"


def _facts(lineage: Lineage) -> str:
    if lineage.gone:
        return f"up to commit {lineage.commit}: {lineage.gone}"
    at = f", {to_minute(datetime.fromisoformat(lineage.committed_at))}" if lineage.committed_at else ""
    if lineage.version is None:
        return f"up to commit {lineage.commit}: {lineage.rows:,} rows{at}"
    how = "merged" if lineage.merged else "built"
    return f"version {lineage.version}, {how} by {lineage.engine}: {lineage.rows:,} rows{at}"


def _run(run: RunOrigin) -> str:
    first, last = run.commits[0], run.commits[-1]
    commits = f"commit {first}" if first == last else f"commits {first}-{last}"
    at = to_minute(datetime.fromisoformat(run.started_at or run.committed_at))
    outcome = f", {run.outcome}" if run.outcome else ""
    return escape(f"run {run.run} of source {run.source}  {at}, {commits}: {run.rows:,} rows{outcome}")
