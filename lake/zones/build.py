"""A definition becomes a new version of its dataset: locked, run, checked, committed; or stays as it is.

The order is that of the landing zone. Files are staged where no reader looks; what was declared of the rows is checked;
the log entry, which also says what was read, is the commit point; then the files appear in a folder of the version's
own. A crash before the entry leaves the version before, and leftovers that the next build sweeps; a crash after it is
finished by that next build, and readers see the version before until all files are there.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lake.errors import ExpectationError, LakeError
from lake.history import History
from lake.snapshot import summarize
from lake.zones.built import Built
from lake.zones.checks import find_unmet
from lake.zones.engine import Job, Result
from lake.zones.inputs import only_new, pin
from lake.zones.output import Output
from lake.zones.reasons import last_build, mergeable, why_build
from lake.zones.watch import Watch
from target_datalake import layout
from target_datalake.checkpoints import write_missing
from target_datalake.commit_log import CommitLog
from target_datalake.commits import ActiveVersion, Build, StreamCounts, follow, new_commit_id
from target_datalake.errors import HeldError, StorageError
from target_datalake.fail_points import reach
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lake.catalog import Catalog
    from lake.zones.built import Outcome
    from lake.zones.definition import Definition
    from lake.zones.engine import Engine
    from lake.zones.graph import Node
    from lake.zones.inputs import Input
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

_ATTEMPTS = 3
"""How often a build begins anew because files of its inputs went meanwhile: another command merged or erased some."""


@dataclass(frozen=True)
class Workshop:
    """What builds share.

    Attributes:
        storage: The lake.
        catalog: Its datasets.
        engines: What runs each language's definitions.
        memory_limit: How much memory an engine may use.
        run: The id that the commits of one command have in common.
        clock_us: The time, in microseconds since 1970, UTC.
        watch: Told what the build is at.
    """

    storage: Storage
    catalog: Catalog
    engines: Mapping[str, Engine]
    memory_limit: str
    run: str
    clock_us: Callable[[], int]
    watch: Watch = field(default_factory=Watch)


@dataclass(frozen=True)
class _Held:
    """A dataset whose lock is held, its log recovered."""

    log: CommitLog
    head: Commit | None
    commits: Sequence[Commit]
    before: Commit | None


def build(shop: Workshop, node: Node, *, full: bool) -> Built:
    """Build a dataset, if it has to be, and return what became of it.

    Raises:
        HeldError: Another build holds it, or has committed first.
        QueryError: Its text, or what its header names, has to be mended.
        ExpectationError: The new rows are not what its header says.
        TargetError: The lake cannot be read or written.
    """
    definition, began = node.definition, time.monotonic()
    storage = shop.storage.with_scratch(layout.owner_folder(definition.owner))
    lock = storage.lock(layout.lock_key(definition.owner))
    with contextlib.closing(lock) if lock else contextlib.nullcontext():
        check_format(storage, write=True)
        for attempt in range(1, _ATTEMPTS + 1):
            held = _recover(storage, definition)
            inputs = [pin(table, shop.catalog[name]) for table, name in node.inputs.items()]
            try:
                built = _build_held(shop, held, definition, inputs, full=full)
                break
            except (LakeError, StorageError):
                if attempt == _ATTEMPTS or not _went(inputs):
                    raise
        return msgspec.structs.replace(built, seconds=round(time.monotonic() - began, 3))


def _recover(storage: Storage, definition: Definition) -> _Held:
    log = CommitLog(storage, definition.owner)
    head = log.recover()
    commits = History(storage, definition.owner).commits()
    sweep_strays(storage, definition.owner, commits)
    return _Held(log, head, commits, last_build(commits, definition.dataset))


def _build_held(shop: Workshop, held: _Held, definition: Definition, inputs: Sequence[Input], *, full: bool) -> Built:
    before = held.before.build if held.before else None
    reason = why_build(before, definition, inputs, full=full)
    if not reason:
        return _to_built(held.commits, definition, "fresh", "")
    read, previous = _to_merge(shop, held, definition, inputs, full=full)
    n = held.head.n + 1 if held.head else 1
    output = Output(held.log.storage, definition, n, new_commit_id(), _descriptions(inputs))
    output.told = lambda rows: shop.watch.wrote(definition.name, rows)
    reach("build.begin")
    try:
        result = _run(shop, held, definition, read, previous, output)
        made = Build(
            definition=definition.digest,
            engine=shop.engines[definition.language].name,
            inputs=tuple(each.record for each in inputs),
            merged=previous is not None,
        )
        commit = _to_commit(shop, held, output, result, made)
    except BaseException:
        output.abort()
        raise
    _commit(held, commit, output)
    commits = [*held.commits, commit]
    sweep_strays(held.log.storage, definition.owner, commits)
    reach("build.done")
    return _to_built(commits, definition, "merged" if previous else "built", reason)


def _to_merge(
    shop: Workshop, held: _Held, definition: Definition, inputs: Sequence[Input], *, full: bool
) -> tuple[Sequence[Input], Input | None]:
    """Return what is to be read, and the version to merge it into; None where all is read and made anew."""
    before = held.before.build if held.before else None
    name = mergeable(before, definition, inputs, full=full)
    if before is None or not name:
        return inputs, None
    earlier = next(each for each in before.inputs if each.name == name)
    read = [only_new(each, earlier) if each.record.name == name else each for each in inputs]
    if any(each is None for each in read):
        return inputs, None
    return [each for each in read if each], pin(("", definition.dataset), shop.catalog[definition.name])


def _run(
    shop: Workshop,
    held: _Held,
    definition: Definition,
    inputs: Sequence[Input],
    previous: Input | None,
    output: Output,
) -> Result:
    """Run a definition, and check its rows. Raises ExpectationError."""
    with tempfile.TemporaryDirectory(prefix="lake-build-") as folder:
        job = Job(definition, inputs, previous, Path(folder), shop.memory_limit)
        result = shop.engines[definition.language].run(job, output)
        reach("build.ran")
        rows_before = _to_built(held.commits, definition, "built", "").rows if held.before else None
        unmet = find_unmet(definition.header, result.checked, result.rows, rows_before, shop.memory_limit)
        if unmet:
            fix = "mend the data, the query or the header; the version before stands, and what is built from it waits"
            raise ExpectationError(f"{definition.name}: {'; '.join(unmet)}", where=definition.path, fix=fix)
        reach("build.checked")
    return result


def _to_commit(shop: Workshop, held: _Held, output: Output, result: Result, made: Build) -> Commit:
    dataset, n = output.definition.dataset, output.version
    return follow(
        held.head,
        output.definition.owner,
        now_us=shop.clock_us(),
        id=output.commit_id,
        run=shop.run,
        purpose="build",
        streams={dataset: StreamCounts(result.rows, result.rows, 0)},
        schemas={dataset: output.schema_id},
        versions={dataset: ActiveVersion(n, n)},
        add=tuple(result.files),
        build=made,
    )


def _commit(held: _Held, commit: Commit, output: Output) -> None:
    """Append the entry, and publish its files. Whoever cannot know whether it is there leaves them staged."""
    try:
        held.log.append(commit)
    except HeldError:
        output.abort()
        raise
    held.log.publish(commit)
    held.log.sweep(commit.n)
    write_missing(held.log, commit.n)


def sweep_strays(storage: Storage, owner: str, commits: Sequence[Commit]) -> None:
    """Remove what stands in the folders of versions and is no part of them: files of an engine that died.

    Where another writer may be at work (S3), a version that is not committed yet is left alone.
    """
    removed = {key for commit in commits for key in commit.remove}
    live = {file.key for commit in commits for file in commit.add} - removed
    head = commits[-1].n if commits else 0
    folders = range(1, head + (1 if storage.may_lose_staged else 2))
    prefixes = {layout.version_prefix(owner, n) + "/" for n in folders}
    for file in list(storage.list(layout.data_prefix(owner))):
        if file.key not in live and any(file.key.startswith(prefix) for prefix in prefixes):
            storage.delete(file.key)


def _to_built(commits: Sequence[Commit], definition: Definition, outcome: Outcome, reason: str) -> Built:
    facts = summarize(commits)[definition.dataset]
    version = commits[-1].versions[definition.dataset].version
    return Built(
        dataset=definition.name,
        outcome=outcome,
        reason=reason,
        version=version,
        rows=facts.rows,
        files=facts.files,
        bytes=facts.bytes,
    )


def _descriptions(inputs: Sequence[Input]) -> dict[str, str]:
    """Return what the inputs' columns mean; of two inputs with a column of one name the first says."""
    found: dict[str, str] = {}
    for each in inputs:
        for column in each.dataset.outline(each.dataset.facts()).columns:
            if column.description:
                found.setdefault(column.name, column.description)
    return found


def _went(inputs: Sequence[Input]) -> bool:
    """Tell whether files that were to be read are no longer those to read."""
    return any(list(each.files) != pin(each.table, each.dataset).files for each in inputs)
