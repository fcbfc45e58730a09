"""A lake's logs become lists of commits, each as far as its files can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from lake.errors import NotALakeError
from target_datalake import layout
from target_datalake.checkpoints import newest_checkpoint, read_log
from target_datalake.commit_log import CommitLog, read_sources, read_zone_datasets
from target_datalake.errors import NotFoundError
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


class History:
    """The commits of one source. Entries never change, so each is read once."""

    def __init__(self, storage: Storage, source: str) -> None:
        self._log = CommitLog(storage, source)
        self._commits: list[Commit] = []
        self._published = 0
        self.source = source

    def commits(self) -> list[Commit]:
        """Return the log from entry 1 up to the last one whose files are all there, without what was undone.

        A writer that is publishing its head, or died while it did, leaves a head whose files are not all there:
        readers then see the commit before it, which was published before the head was written. An undone entry is
        there, but empty: it counts as never written. Only the head is sure to have its `state`.
        """
        self._read_on()
        if not self._commits:
            return []
        head = self._commits[-1]
        if self._published == head.n:
            return without_undone(self._commits)
        found = _as_found(self._log.storage, head)
        self._published = head.n if found is head else 0
        return without_undone([*self._commits[:-1], *([found] if found else [])])

    def _read_on(self) -> None:
        known = len(self._commits)
        head = self._find_head(known or newest_checkpoint(self._log))
        coming = read_log(self._log, known + 1, head) if head else []
        following = coming[0].parent if coming else head.id if head else ""
        if known and (head is None or head.n < known or following != self._commits[-1].id):
            self._commits, self._published = [], 0  # the lake was removed, and begun anew
            coming = read_log(self._log, 1, head) if head else []
        self._commits.extend(coming)

    def _find_head(self, known: int) -> Commit | None:
        try:
            return self._log.head(after=known)
        except NotFoundError:
            return self._log.head()


def read_histories(storage: Storage) -> list[History]:
    """Return the history of each source in a lake, by name."""
    return [History(storage, name) for name in sorted(map(decode_name, read_sources(storage)))]


def read_zone_histories(storage: Storage) -> list[History]:
    """Return the history of each dataset of the clean and the business zone, by zone and name."""
    return [History(storage, owner) for owner in read_zone_owners(storage)]


def read_zone_owners(storage: Storage) -> list[str]:
    """Return what the logs of the clean and the business zone go by, as `layout.zone_owner` gives it."""
    return [
        layout.zone_owner(zone, name)
        for zone in layout.ZONES
        for name in sorted(map(decode_name, read_zone_datasets(storage, zone)))
    ]


def decode_name(encoded: str) -> str:
    """Return the name that `layout.encode_name` made a folder's name from."""
    return unquote(encoded, errors="surrogatepass")


def require_lake(storage: Storage) -> None:
    """Check that a lake is there, and that this program knows its layout.

    Raises:
        NotALakeError: Nothing at this address says that it is a lake.
        TargetError: A newer program wrote it, or it cannot be read.
    """
    check_format(storage, write=False)
    try:
        storage.read(layout.FORMAT_KEY)
    except NotFoundError:
        raise NotALakeError(
            "there is no lake here",
            where=storage.uri,
            fix="check the path; `lake run` makes the lake when the first records land",
        ) from None


def without_undone(commits: list[Commit]) -> list[Commit]:
    """Return a log in which each undone entry does nothing, and leaves everything as it was before it."""
    done = list(commits)
    for commit in commits:
        for n in range(commit.void or commit.n, commit.n):
            before = done[n - 2] if n > 1 else None
            done[n - 1] = msgspec.structs.replace(
                done[n - 1],
                state=before.state if before else None,
                streams={},
                schemas=before.schemas if before else {},
                versions=before.versions if before else {},
                add=(),
                rejected=(),
                remove=(),
                build=None,
            )
    return done


def _as_found(storage: Storage, commit: Commit) -> Commit | None:
    """Return a head with its files where they stand; None if one is not there yet.

    Files that take the place of others stand whole under `merge_key` until they are moved, while those others are
    gone already: such a head can be read, and only it can.
    """
    folders = {file.key.rpartition("/")[0] for file in commit.files}
    there = {file.key for folder in folders for file in storage.list(folder)}
    if all(file.key in there for file in commit.files):
        return commit
    if not all(file.key in there or file.merge_key for file in commit.files):
        return None
    add, rejected = (
        tuple(file if file.key in there else msgspec.structs.replace(file, key=file.merge_key) for file in files)
        for files in (commit.add, commit.rejected)
    )
    return msgspec.structs.replace(commit, add=add, rejected=rejected)
