"""The logs of a lake, looked at again and again, become word of new rows in a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.history import History, decode_name
from target_datalake.commit_log import read_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


class LogWatch:
    """The logs of a lake, of which each entry is read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._histories: dict[str, History] = {}

    def read(self) -> dict[str, Sequence[Commit]]:
        """Return the log of each source, as far as its files can be read. Raises StorageError."""
        for source in map(decode_name, read_sources(self._storage)):
            self._histories.setdefault(source, History(self._storage, source))
        return {source: history.commits() for source, history in self._histories.items()}


def heads(logs: Mapping[str, Sequence[Commit]]) -> dict[str, int]:
    """Return the number of each log's last commit."""
    return {source: len(commits) for source, commits in logs.items()}


def has_news(logs: Mapping[str, Sequence[Commit]], dataset: str, seen: Mapping[str, int]) -> bool:
    """Tell whether a commit after those that were seen brought rows of a dataset, or another version of it to read.

    Args:
        logs: The log of each source, from commit 1.
        dataset: One of its names: ``orders``, ``landing.orders``, ``landing.shop.orders``.
        seen: The last commit that was seen, of each source.
    """
    for source, commits in logs.items():
        known = seen.get(source, 0)
        known = known if known <= len(commits) else 0  # the lake was removed, and begun anew
        for index in range(known, len(commits)):
            before = commits[index - 1] if index else None
            if any(dataset in _names(source, stream) for stream in _renewed(commits[index], before)):
                return True
    return False


def _renewed(commit: Commit, before: Commit | None) -> set[str]:
    versions = before.versions if before else {}
    landed = {stream for stream, counts in commit.streams.items() if counts.landed}
    return landed | {stream for stream, active in commit.versions.items() if versions.get(stream) != active}


def _names(source: str, stream: str) -> tuple[str, str, str]:
    return stream, f"landing.{stream}", f"landing.{source}.{stream}"
