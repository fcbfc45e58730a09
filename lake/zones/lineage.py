"""A dataset becomes what it was built from: datasets, the commits of theirs that were read, the runs behind those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lake.runs import find_run
from lake.snapshot import landed_rows, summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.catalog import Catalog
    from lake.dataset import Dataset
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


class RunOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """A run that landed rows which a dataset has.

    Attributes:
        run: Its id.
        source: The source it read.
        commits: Those of its commits that hold such rows.
        rows: How many.
        committed_at: When the last of them was committed, RFC 3339, UTC.
        started_at: When it began; None where no record of it is left.
        ended_at: When it ended.
        outcome: How it ended.
    """

    run: str
    source: str
    commits: tuple[int, ...]
    rows: int
    committed_at: str
    started_at: str | None = None
    ended_at: str | None = None
    outcome: str | None = None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows of a dataset come from, as of one of its commits.

    Attributes:
        dataset: Its full name.
        commit: The last commit of its log that counts.
        rows: Its rows.
        committed_at: When that was committed.
        version: Of a dataset that is built: the version.
        engine: What built it.
        definition: The sha256 of the text that it was built from.
        merged: Whether only new rows were read, and merged into the version before.
        inputs: What it was built from, each as of the commit up to which it was read.
        runs: Of a landed one: the runs that landed its rows, oldest first.
        gone: Why nothing more is known, if so: it was dropped, or its log begun anew.
    """

    dataset: str
    commit: int
    rows: int = 0
    committed_at: str | None = None
    version: int | None = None
    engine: str | None = None
    definition: str | None = None
    merged: bool = False
    inputs: tuple[Lineage, ...] = ()
    runs: tuple[RunOrigin, ...] = ()
    gone: str = ""


def read_lineage(storage: Storage, catalog: Catalog, name: str) -> Lineage:
    """Return where a dataset's rows come from.

    Raises:
        UnknownDatasetError: There is no dataset of this name.
        StorageError: A log or the record of a run is damaged.
    """
    dataset = catalog[name]
    known = {each.name: each for each in catalog.datasets()}
    return _trace(storage, known, dataset, dataset.commits())


def _trace(storage: Storage, known: dict[str, Dataset], dataset: Dataset, commits: Sequence[Commit]) -> Lineage:
    """Return where the rows come from that a dataset has after some commits."""
    facts = summarize(commits)[dataset.stream]
    last = commits[-1]
    if dataset.zone == "landing":
        return Lineage(
            dataset=dataset.name,
            commit=last.n,
            rows=facts.rows,
            committed_at=facts.last_commit_at,
            runs=_runs(storage, dataset, commits),
        )
    made = next(commit for commit in reversed(commits) if commit.build is not None)
    assert made.build is not None  # noqa: S101 - that is how it was found
    return Lineage(
        dataset=dataset.name,
        commit=made.n,
        rows=facts.rows,
        committed_at=made.committed_at,
        version=made.versions[dataset.stream].version,
        engine=made.build.engine,
        definition=made.build.definition,
        merged=made.build.merged,
        inputs=tuple(_read(storage, known, each.name, each.commit, each.id) for each in made.build.inputs),
    )


def _read(storage: Storage, known: dict[str, Dataset], name: str, commit: int, commit_id: str) -> Lineage:
    """Return where the rows of an input come from, as of the commit up to which it was read."""
    dataset = known.get(name)
    if dataset is None:
        return Lineage(dataset=name, commit=commit, gone="it is no longer in the lake")
    commits = dataset.commits()[:commit]
    if len(commits) < commit or commits[-1].id != commit_id or dataset.stream not in commits[-1].schemas:
        return Lineage(dataset=name, commit=commit, gone="what was read of it has been dropped since")
    return _trace(storage, known, dataset, commits)


def _runs(storage: Storage, dataset: Dataset, commits: Sequence[Commit]) -> tuple[RunOrigin, ...]:
    landed = {commit: rows for commit, rows in landed_rows(commits, dataset.stream).items() if rows}
    by_run: dict[str, list[int]] = {}
    for n in landed:
        by_run.setdefault(commits[n - 1].run, []).append(n)
    found = []
    for run, numbers in by_run.items():
        record = find_run(storage, dataset.source, run)
        told = (
            {"started_at": record.started_at, "ended_at": record.ended_at, "outcome": record.outcome} if record else {}
        )
        found.append(
            RunOrigin(
                run=run,
                source=dataset.source,
                commits=tuple(numbers),
                rows=sum(landed[n] for n in numbers),
                committed_at=commits[numbers[-1] - 1].committed_at,
                **told,
            )
        )
    return tuple(found)
