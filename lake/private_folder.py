"""A run gets a folder that its owner alone may enter, and that is gone afterwards, even if the run is killed.

A run holds a lock on its folder; the kernel lets go of it when the process dies, whatever it dies of. So a folder whose
lock is free belongs to a run that was killed, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "lake-private-"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder for one run, among the temporary ones, after removing those of runs that were killed.

    A kill leaves the folder, which only its owner may enter, until the next call.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder, lock = _make()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_private(path: Path, text: str) -> Path:
    """Write a file that its owner alone may read, and return its path."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def _make() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # mode 0700
        with contextlib.suppress(FileNotFoundError):  # swept before it was locked
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_still(folder, lock):
                return folder, lock
            os.close(lock)


def _is_still(folder: Path, lock: int) -> bool:
    return folder.exists() and os.path.samestat(folder.stat(), os.fstat(lock))


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # held by a run that lives, or gone meanwhile
            if _is_our_own(folder.lstat()):
                _remove_if_free(folder)


def _is_our_own(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _remove_if_free(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
