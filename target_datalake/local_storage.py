"""A folder on a local disk becomes a lake's storage: staged by fsync, published by rename."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from target_datalake.errors import HeldError, NotFoundError, StorageError
from target_datalake.fail_points import reach
from target_datalake.folders import OWN, make_folders, refuse_links, sync_folder
from target_datalake.layout import LOG_PREFIX, TMP_PREFIX
from target_datalake.storage import StagedFile, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FIXES = {
    errno.ENOSPC: "free some space on this disk, then run again: what was committed before is safe",
    errno.EDQUOT: "free some of your quota, then run again: what was committed before is safe",
    errno.EACCES: "give this user write permission on the lake's folder, or choose another path",
    errno.EPERM: "give this user write permission on the lake's folder, or choose another path",
    errno.EROFS: "choose a path on a file system that can be written",
    errno.ENOTDIR: "choose a path whose every part is a folder",
    errno.EEXIST: "a file stands where the lake needs a folder: choose another path",
    errno.EIO: "the disk reports an I/O error: check it before the next run",
    errno.ELOOP: "a symbolic link stands where the lake keeps its own files: remove it",
}

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalStorage:
    """A lake in a folder. Data is on disk (fsync) before its name is, and its name before anyone is told."""

    def __init__(self, path: str, scratch: str) -> None:
        self._root = Path(path).absolute()
        self._scratch = self._root / TMP_PREFIX / scratch
        self.uri = str(self._root)
        self.may_lose_staged = False

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        with _explained(f"read {key}"):
            refuse_links(self._root, self._root / key)
            return (self._root / key).read_bytes()

    def open(self, key: str) -> BinaryIO:
        """Open a file for random reading."""
        with _explained(f"read {key}"):
            return (self._root / key).open("rb")

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredFile]:
        """Yield the files under a folder in the order of their keys."""
        with _explained(f"list {prefix}"):
            yield from sorted(_walk(self._root, prefix, after), key=lambda file: file.key)

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the folders directly under a folder."""
        with _explained(f"list {prefix}"), contextlib.suppress(FileNotFoundError):
            refuse_links(self._root, self._root / prefix)
            with os.scandir(self._root / prefix) as entries:
                return sorted(entry.name for entry in entries if _is_folder(entry, prefix))
        return []

    def put(self, key: str, data: bytes, *, private: bool = False) -> None:
        """Write or replace a file: a reader sees the old bytes or the new ones. A crash leaves the old."""
        path = self._root / key
        with _explained(f"write {key}"):
            temporary = self._write_scratch(data, private=private)
            self._make_folders(path.parent, private=private)
            temporary.rename(path)
            sync_folder(path.parent)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write a file unless it exists. A crash leaves the whole file or none."""
        path = self._root / key
        with _explained(f"write {key}"):
            temporary = self._write_scratch(data, private=False)
            self._make_folders(path.parent)
            reach("commit.written")
            try:
                os.link(temporary, path, follow_symlinks=False)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            reach("commit.linked")
            sync_folder(path.parent)
            return True

    def delete(self, key: str) -> None:
        """Remove a file, durably."""
        path = self._root / key
        with _explained(f"remove {key}"):
            refuse_links(self._root, path.parent)
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def move(self, key: str, new_key: str) -> None:
        """Rename a file, and make both names durable: the new one first."""
        path, new_path = self._root / key, self._root / new_key
        with _explained(f"move {key}"):
            refuse_links(self._root, path.parent)
            self._make_folders(new_path.parent, private=False)
            try:
                path.rename(new_path)
            except FileNotFoundError:
                if not new_path.exists():
                    raise
            sync_folder(new_path.parent)

    def stage(self, key: str, *, private: bool = False) -> LocalWriter:
        """Start a file in the scratch folder, which is on the lake's own file system."""
        with _explained(f"stage {key}"):
            reach("stage.open")
            self._make_folders(self._scratch)
            path = self._staged_path(key)
            return LocalWriter(key, path, os.open(path, _NEW, 0o600 if private else 0o666))

    def publish(self, file: StagedFile) -> None:
        """Rename a staged file to its key, and make the name durable."""
        path, staged = self._root / file.key, self._staged_path(file.key)
        with _explained(f"publish {file.key}"):
            self._make_folders(path.parent, private=file.key.startswith("_lake/rejected/"))
            try:
                staged.rename(path)
            except FileNotFoundError:
                if not path.exists():
                    raise
            reach("publish.renamed")
            sync_folder(path.parent)

    def discard(self, file: StagedFile) -> None:
        """Remove a staged file."""
        with _explained(f"remove the staged {file.key}"):
            self._staged_path(file.key).unlink(missing_ok=True)

    def sweep(self, prefixes: tuple[str, ...], is_orphan: Callable[[str], bool]) -> int:  # noqa: ARG002 - S3 needs them
        """Empty the scratch folder: its source's lock is held, so whatever is there belongs to a dead run."""
        with _explained(f"sweep {TMP_PREFIX}"):
            refuse_links(self._root, self._scratch)
            leftovers = list(self._scratch.iterdir()) if self._scratch.is_dir() else []
            for path in leftovers:
                path.unlink()
            return len(leftovers)

    def with_scratch(self, scratch: str) -> LocalStorage:
        """Return the same folder, staging elsewhere."""
        return LocalStorage(self.uri, scratch)

    def lock(self, key: str, inherited: int | None = None) -> BinaryIO | None:
        """Lock a file with flock, which the kernel releases when the last process that holds it is gone."""
        if inherited is not None:
            return None  # the descriptor itself holds it until this process ends
        path = self._root / key
        with _explained(f"lock {key}"):
            self._make_folders(path.parent)
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "r+b")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise HeldError(
                    "another run holds this source",
                    where=str(path),
                    fix="wait until it ends, or stop it; a run that was killed lets go by itself",
                ) from None
            return file

    def _make_folders(self, folder: Path, *, private: bool = False) -> None:
        refuse_links(self._root, folder)
        make_folders(self._root / OWN)  # this one is everybody's, whoever needs it first
        make_folders(folder, private=private)

    def _staged_path(self, key: str) -> Path:
        return self._scratch / key.rpartition("/")[2]

    def _write_scratch(self, data: bytes, *, private: bool) -> Path:
        self._make_folders(self._scratch)
        path = self._scratch / f"{uuid.uuid4().hex}.tmp"
        with os.fdopen(os.open(path, _NEW, 0o600 if private else 0o666), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return path


class LocalWriter:
    """A file in the scratch folder, hashed as it is written."""

    def __init__(self, key: str, path: Path, descriptor: int) -> None:
        self._key, self._path = key, path
        self._file = os.fdopen(descriptor, "wb", buffering=1 << 20)
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        self.closed = False

    def write(self, data: Any, /) -> int:
        """Append a buffer's bytes."""
        with _explained(f"stage {self._key}"):
            reach("stage.write")
            view = memoryview(data).cast("B")
            self._file.write(view)
        self._sha256.update(view)
        self._bytes += len(view)
        return len(view)

    def finish(self) -> StagedFile:
        """Flush, fsync and close. The name is made durable with the folder's fsync when it is published."""
        with _explained(f"stage {self._key}"):
            reach("stage.finish")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            sync_folder(self._path.parent)
            reach("stage.finished")
        self.closed = True
        return StagedFile(self._key, self._bytes, self._sha256.hexdigest())

    def abort(self) -> None:
        """Close and remove the file."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


@contextlib.contextmanager
def _explained(action: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"cannot {action}: there is no such file", where=_place(error)) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        fix = _FIXES.get(error.errno or 0, "mend what the operating system reports, then run again")
        raise StorageError(f"cannot {action}: {reason}", where=_place(error), fix=fix) from error


def _place(error: OSError) -> str:
    return str(error.filename or "")


def _walk(root: Path, prefix: str, after: str) -> Iterator[StoredFile]:
    refuse_links(root, root / prefix)
    pending = [prefix]
    while pending:
        folder = pending.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(root / folder) as entries:
            for entry in entries:
                key = f"{folder}/{entry.name}"
                if _is_folder(entry, folder):
                    pending.append(key)
                elif key > after and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):  # it went while we looked
                        yield StoredFile(key, entry.stat().st_size)


def _is_folder(entry: os.DirEntry[str], folder: str) -> bool:
    """Tell a folder from a file. A link is neither, and in the log, where it would hide commits, an OSError (ELOOP)."""
    if entry.is_symlink() and (folder == LOG_PREFIX or folder.startswith(f"{LOG_PREFIX}/")):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), entry.path)
    return entry.is_dir(follow_symlinks=False)
