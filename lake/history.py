"""A lake's logs become lists of commits, each as far as its files can be read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lake.errors import NotALakeError
from target_datalake import layout
from target_datalake.commit_log import CommitLog, read_sources
from target_datalake.errors import NotFoundError
from target_datalake.lake_format import check_format

if TYPE_CHECKING:
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

_PARALLEL_READS = 8
"""Entries read at once: on S3 each is a round trip."""


class History:
    """The commits of one source. Entries never change, so each is read once."""

    def __init__(self, storage: Storage, source: str) -> None:
        self._log = CommitLog(storage, source)
        self._commits: list[Commit] = []
        self._published = 0
        self.source = source

    def commits(self) -> list[Commit]:
        """Return the log from entry 1 up to the last one whose files are all there.

        A writer that is publishing its head, or died while it did, leaves a head whose files are not all there:
        readers then see the commit before it, which was published before the head was written.
        """
        head = self._log.head()
        last = head.n if head else 0
        if head and last <= len(self._commits) and self._commits[last - 1].id != head.id:
            self._commits, self._published = [], 0  # the lake was removed, and begun anew
        missing = range(len(self._commits) + 1, last)
        with ThreadPoolExecutor(_PARALLEL_READS) as pool:
            self._commits.extend(pool.map(self._log.read, missing))
        if head and len(self._commits) < last:
            self._commits.append(head)
        return self._commits[:last] if self._is_published(last) else self._commits[: last - 1]

    def _is_published(self, n: int) -> bool:
        if n > self._published and _all_there(self._log.storage, self._commits[n - 1]):
            self._published = n
        return n <= self._published


def read_histories(storage: Storage) -> list[History]:
    """Return the history of each source in a lake, by name."""
    return [History(storage, name) for name in sorted(map(decode_name, read_sources(storage)))]


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


def _all_there(storage: Storage, commit: Commit) -> bool:
    keys = {file.key for file in (*commit.add, *commit.rejected)}
    folders = {key.rpartition("/")[0] for key in keys}
    return keys <= {file.key for folder in folders for file in storage.list(folder)}
