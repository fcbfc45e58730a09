"""A stretch of a source's log becomes one file, so that ten thousand entries are not as many reads.

Each holds the `SPAN` entries that end with its own number, gzipped JSON, without what only a writer needs: the STATE
and the parts of uploads. It is derived from the log and never trusted over it: one that is missing, damaged or of
another log costs the time to read the entries themselves. Entries are chained by random ids, so a stretch that leads
up to an entry of the log without a gap is that log's own.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from target_datalake import layout
from target_datalake.commits import Commit
from target_datalake.errors import NotFoundError, TargetError
from target_datalake.fail_points import reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_datalake.commit_log import CommitLog
    from target_datalake.commits import DataFile

logger = logging.getLogger(__name__)

SPAN = 100
"""Entries of a checkpoint: so many reads are the most that it saves, and that its lack costs."""

MAX_WRITTEN = 10
"""A run adds no more than this of missing checkpoints: a long log without any catches up over a few runs."""

_PARALLEL_READS = 8
"""Entries read at once: on S3 each is a round trip."""

_decode = msgspec.json.Decoder(list[Commit]).decode


def read_log(log: CommitLog, first: int, head: Commit) -> list[Commit]:
    """Return the entries from `first` up to the head; those that come from a checkpoint have no `state`.

    Raises:
        StorageError: An entry is missing or damaged.
    """
    newest_first: list[list[Commit]] = [[head]] if first <= head.n else []
    for last in sorted(_ends(log, first, head.n), reverse=True):
        _extend(newest_first, log, max(first, last + 1))
        stretch = _read(log, last)
        if newest_first and stretch and _leads_to(stretch, newest_first[-1][0], last):
            newest_first.append(stretch)
    _extend(newest_first, log, first)
    return [commit for stretch in reversed(newest_first) for commit in stretch]


def newest_checkpoint(log: CommitLog) -> int:
    """Return the number of the last entry that a checkpoint holds, or says it does; 0 for none."""
    return max(_numbers(log), default=0)


def write_missing(log: CommitLog, head: int) -> int:
    """Write the checkpoints that the log lacks, newest first, and return how many those were.

    A failure is logged, no more: nothing depends on a checkpoint. A crash leaves whole ones.
    """
    try:
        there = set(_numbers(log))
        lacking = [last for last in range(head // SPAN * SPAN, 0, -SPAN) if last not in there][:MAX_WRITTEN]
        for last in lacking:
            reach("checkpoint.begin")
            entries = [_strip(commit) for commit in _read_entries(log, range(last - SPAN + 1, last + 1))]
            log.storage.put(layout.checkpoint_key(log.source, last), gzip.compress(msgspec.json.encode(entries), 6))
            reach("checkpoint.done")
    except TargetError as error:
        logger.warning("no checkpoint of the log could be written, so reading it takes longer: %s", error)
        return 0
    return len(lacking)


def _extend(newest_first: list[list[Commit]], log: CommitLog, first: int) -> None:
    """Put the entries from `first` up to those that are there before them, from the log itself."""
    if newest_first:
        newest_first.append(_read_entries(log, range(first, newest_first[-1][0].n)))
        if not newest_first[-1]:
            newest_first.pop()


def _ends(log: CommitLog, first: int, last: int) -> list[int]:
    """Return which checkpoints lie within a range of entries."""
    return [number for number in _numbers(log) if first <= number - SPAN + 1 and number < last]


def _numbers(log: CommitLog) -> list[int]:
    names = (file.key.rpartition("/")[2] for file in log.storage.list(layout.checkpoint_prefix(log.source)))
    stems = [name.removesuffix(".json.gz") for name in names]
    return [int(stem) for stem in stems if stem.isdecimal()]


def _read(log: CommitLog, last: int) -> list[Commit]:
    """Return a checkpoint's entries; none of it where it is of no use."""
    try:
        return _decode(gzip.decompress(log.storage.read(layout.checkpoint_key(log.source, last))))
    except (NotFoundError, msgspec.DecodeError, UnicodeDecodeError, OSError, EOFError, zlib.error):
        return []


def _leads_to(stretch: list[Commit], following: Commit, last: int) -> bool:
    entries = [*stretch, following]
    return (
        len(stretch) == SPAN
        and stretch[-1].n == last
        and all(after.n == before.n + 1 and after.parent == before.id for before, after in pairwise(entries))
    )


def _read_entries(log: CommitLog, numbers: Iterable[int]) -> list[Commit]:
    with ThreadPoolExecutor(_PARALLEL_READS) as pool:
        return list(pool.map(log.read, numbers))


def _strip(commit: Commit) -> Commit:
    add, rejected = (tuple(map(_strip_file, files)) for files in (commit.add, commit.rejected))
    return msgspec.structs.replace(commit, state=None, add=add, rejected=rejected)


def _strip_file(file: DataFile) -> DataFile:
    return msgspec.structs.replace(file, upload_id="", parts=())
