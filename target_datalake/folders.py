"""Folders of a lake on a disk are made durable; a symbolic link in the place of one of the lake's own is refused."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OWN = "_lake"
"""Whatever is below it is the lake's alone. A folder of data may be a link: it is its owner's."""


def refuse_links(root: Path, path: Path) -> None:
    """Raise OSError (ELOOP) if a path of the lake's own, or a folder on its way from the root, is a symbolic link.

    Behind one, a sweep would remove files that are not the lake's, and a log would be another's.
    """
    own = root / OWN
    if path != own and own not in path.parents:
        return
    while path != root:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        path = path.parent


def make_folders(folder: Path, *, private: bool = False) -> None:
    """Create a folder and its parents, each name durable in the folder above it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
