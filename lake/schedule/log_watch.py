"""The logs of a lake, looked at again and again, become word of new rows in a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.history import read_histories, read_zone_histories
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lake.history import History
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


class LogWatch:
    """The logs of a lake, of which each entry is read once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._histories: dict[str, History] = {}

    def read(self) -> dict[str, Sequence[Commit]]:
        """Return each log, as far as its files can be read: of a source or of a build. Raises StorageError."""
        for history in (*read_histories(self._storage), *read_zone_histories(self._storage)):
            self._histories.setdefault(history.source, history)
        return {source: history.commits() for source, history in self._histories.items()}


def heads(logs: Mapping[str, Sequence[Commit]]) -> dict[str, int]:
    """Return the number of each log's last commit."""
    return {source: len(commits) for source, commits in logs.items()}


def has_news(logs: Mapping[str, Sequence[Commit]], dataset: str, seen: Mapping[str, int]) -> bool:
    """Tell whether a commit after those that were seen brought rows of a dataset, or another version of it to read.

    Args:
        logs: The log of each source, and of what builds made, from commit 1.
        dataset: One of its names: ``orders``, ``landing.orders``, ``landing.shop.orders``, ``clean.orders``. A bare one
            means the nearest zone that has it.
        seen: The last commit that was seen, of each source.
    """
    meant = _nearest(logs, dataset)
    for source, commits in logs.items():
        known = seen.get(source, 0)
        known = known if known <= len(commits) else 0  # the lake was removed, and begun anew
        for index in range(known, len(commits)):
            before = commits[index - 1] if index else None
            if any((source, stream) in meant for stream in _renewed(commits[index], before)):
                return True
    return False


def _nearest(logs: Mapping[str, Sequence[Commit]], dataset: str) -> set[tuple[str, str]]:
    """Return what a name means, by source and stream."""
    found: dict[str, set[tuple[str, str]]] = {}
    for source, commits in logs.items():
        zone, _ = layout.split_owner(source)
        for stream in commits[-1].schemas if commits else ():
            if dataset in {stream, f"{zone}.{stream}", layout.full_name(source, stream)}:
                found.setdefault(zone, set()).add((source, stream))
    return next((found[zone] for zone in ("landing", *layout.ZONES) if zone in found), set())


def _renewed(commit: Commit, before: Commit | None) -> set[str]:
    versions = before.versions if before else {}
    landed = {stream for stream, counts in commit.streams.items() if counts.landed}
    return landed | {stream for stream, active in commit.versions.items() if versions.get(stream) != active}
