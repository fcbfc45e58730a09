"""Files that the log names are held against what stands in the lake, for an engine that passes over empty files."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from target_datalake.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.snapshot import LandedFile
    from target_datalake.storage import Storage

_FIX = "restore it from a backup; see `lake verify`"


def check_sizes(storage: Storage, files: Sequence[LandedFile]) -> None:
    """Check that files are there, each with the size that it was committed with. Lists their folders, opens none.

    Raises:
        NotFoundError: One is not there.
        StorageError: One has another size.
    """
    found = {stored.key: stored.bytes for folder in _folders(files) for stored in storage.list(folder)}
    for file in files:
        where = f"{storage.uri}/{file.key}"
        if file.key not in found:
            raise NotFoundError("a data file is missing", where=where, fix=_FIX)
        if found[file.key] != file.bytes:
            told = f"a data file is damaged: it has {found[file.key]:,} bytes, {file.bytes:,} were committed"
            raise StorageError(told, where=where, fix=_FIX)


def _folders(files: Sequence[LandedFile]) -> list[str]:
    """Return the deepest folder of all files of a top folder: those that are about to be moved stand in another one."""
    tops: dict[str, list[str]] = {}
    for file in files:
        tops.setdefault(file.key.partition("/")[0], []).append(posixpath.dirname(file.key))
    return [posixpath.commonpath(folders) for folders in tops.values()]
