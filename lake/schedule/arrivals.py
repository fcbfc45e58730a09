"""A pattern of files, looked at again and again, becomes the files that have newly arrived whole.

A file is whole when nothing about it has changed for `SETTLED_SECONDS`: one that is still being written changes. A
writer that pauses longer writes under a name that begins with a dot, and renames. On S3 an object appears whole.
"""

from __future__ import annotations

import fnmatch
import glob
import itertools
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_datalake.storage import Storage

SETTLED_SECONDS = 5.0

WILDCARDS = frozenset("*?[")

FORGOTTEN_SECONDS = 30 * 86_400.0
"""A file that has been away so long is forgotten; a shorter absence may be a mount that failed."""


@dataclass(frozen=True)
class Found:
    """A file that is there: what changes when it is written or replaced, and since when it is so, in epoch seconds."""

    mark: str
    since: float


class Sighting(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of a file.

    Attributes:
        mark: Its `Found.mark` when it was seen last.
        since: Since when it is so, epoch seconds.
        taken: Whether it has started its job.
        gone: Since when it is no longer there, epoch seconds.
    """

    mark: str
    since: float
    taken: bool = False
    gone: float | None = None


class Buckets:
    """The buckets that are looked into, each opened once: making a client takes longer than a look.

    Args:
        s3: The target's S3 options.
    """

    def __init__(self, s3: Mapping[str, Any]) -> None:
        self._s3 = s3
        self._open: dict[str, Storage] = {}

    def open(self, uri: str) -> Storage:
        """Return a bucket. Raises TargetError."""
        if uri not in self._open:
            self._open[uri] = open_storage(uri, s3=self._s3)
        return self._open[uri]


def look(pattern: str, buckets: Buckets) -> dict[str, Found]:
    """Return the files that match a pattern, by their path or address.

    Names that begin with a dot are left out: that is how programs hide what they still write.

    Args:
        pattern: An absolute path with wildcards (``**`` for any depth), or ``s3://bucket/folder/*.csv``.
        buckets: Where those of S3 are.

    Raises:
        TargetError: The bucket cannot be listed.
    """
    return _look_in_bucket(pattern, buckets) if pattern.startswith("s3://") else _look_in_folder(pattern)


def observe(known: Mapping[str, Sighting], found: Mapping[str, Found], now: float) -> dict[str, Sighting]:
    """Return what is to be remembered after a look, at `now` in epoch seconds."""
    seen = {path: _see(known.get(path), file, now) for path, file in found.items()}
    away = {path: _miss(file, now) for path, file in known.items() if path not in found}
    return seen | {path: file for path, file in away.items() if now - (file.gone or now) < FORGOTTEN_SECONDS}


def whole(sightings: Mapping[str, Sighting], now: float) -> list[str]:
    """Return the files that are there, whole, and have not been taken, by name."""
    return sorted(
        path
        for path, file in sightings.items()
        if not file.taken and file.gone is None and now - file.since >= SETTLED_SECONDS
    )


def take(sightings: Mapping[str, Sighting], paths: Iterable[str]) -> dict[str, Sighting]:
    """Return the memory in which some files have had their job."""
    taken = {path: msgspec.structs.replace(sightings[path], taken=True) for path in paths}
    return {**sightings, **taken}


def _see(before: Sighting | None, file: Found, now: float) -> Sighting:
    if before and before.mark == file.mark:
        return before if before.gone is None else msgspec.structs.replace(before, gone=None)
    return Sighting(file.mark, min(file.since, now))  # of a server whose clock is ahead it counts from this look


def _miss(before: Sighting, now: float) -> Sighting:
    return before if before.gone is not None else msgspec.structs.replace(before, gone=now)


def _look_in_folder(pattern: str) -> dict[str, Found]:
    found = {}
    for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - pathlib's glob does not hide hidden names
        try:
            facts = os.stat(path)  # noqa: PTH116 - the path is a text here
        except OSError:
            continue  # it went while we looked, or is a link to nothing
        if stat.S_ISREG(facts.st_mode):
            mark = f"{facts.st_size}-{facts.st_mtime_ns}-{facts.st_ino}"
            found[path] = Found(mark, max(facts.st_mtime, facts.st_ctime))
    return found


def _look_in_bucket(pattern: str, buckets: Buckets) -> dict[str, Found]:
    bucket, _, path = pattern.removeprefix("s3://").partition("/")
    parts = path.split("/")
    storage = buckets.open(f"s3://{bucket}")
    return {
        f"s3://{bucket}/{file.key}": Found(file.mark, 0.0)
        for file in storage.list("/".join(_plain_folders(parts)))
        if _matches(file.key.split("/"), parts)
    }


def _plain_folders(parts: Sequence[str]) -> list[str]:
    """Return the folders of a pattern up to the first that has a wildcard."""
    return list(itertools.takewhile(lambda part: not WILDCARDS.intersection(part), parts[:-1]))


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a key matches as `glob` would match a path: part by part, hidden names only if asked for."""
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        return _matches(path, pattern[1:]) or (not path[0].startswith(".") and _matches(path[1:], pattern))
    hidden = path[0].startswith(".") and not pattern[0].startswith(".")
    return not hidden and fnmatch.fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
