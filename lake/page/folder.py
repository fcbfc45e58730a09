"""The files of a site become a folder: written beside it, then swapped into it, the first page last.

Whoever hosts the folder shows at every moment pages that fit their style and script, since those are named for their
content and old ones go last. `MANIFEST` names what was written; nothing else in the folder is ever touched. A crash
leaves a folder of old and new pages, each whole, which the next run completes, and maybe a ``.partial`` one beside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from lake.errors import UsageError
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANIFEST = "lake-page.json"

_LAST = "index.html"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `lake page` wrote into a folder: the sha256 of each file by its path."""

    made_by: str = "lake page"
    files: dict[str, str]


@contextmanager
def site_folder(folder: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that takes files by their path; they appear in the folder once the block has ended well.

    Raises:
        UsageError: There is something there that is no page of ours, or that a page would replace.
        StorageError: It cannot be written.
    """
    target = folder.resolve()
    with _explained(target):
        read_manifest(target)  # before anything is read for the pages
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial"))
    written: dict[str, str] = {}

    def write(path: str, content: bytes) -> None:
        with _explained(target):
            _write_file(stage / path, content)
        written[path] = hashlib.sha256(content).hexdigest()

    try:
        yield write
        with _explained(target):
            if target.exists():
                _swap(stage, target, written)
            else:
                _appear(stage, target, written)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest | None:
    """Return what was written into a folder; None if it is empty or not there.

    Raises:
        UsageError: It holds something else.
    """
    if not os.path.lexists(folder):
        return None
    if folder.is_dir() and not any(folder.iterdir()):
        return None
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        fix = "name an empty folder, or one that does not exist yet"
        raise UsageError("this is no page of a lake, and not empty", where=str(folder), fix=fix) from None
    if not all(_is_within(path) for path in manifest.files):
        fix = f"remove {MANIFEST} if the folder may be used, and then what it holds"
        raise UsageError(f"{MANIFEST} names files outside of this folder", where=str(folder), fix=fix)
    return manifest


def _is_within(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts


def _appear(stage: Path, target: Path, written: dict[str, str]) -> None:
    _write_file(stage / MANIFEST, _encode(written))
    mask = os.umask(0)
    os.umask(mask)
    stage.chmod(0o777 & ~mask)  # mkdtemp makes it the owner's alone
    stage.rename(target)


def _swap(stage: Path, target: Path, written: dict[str, str]) -> None:
    """Put the files of one folder into another, whose own ones go afterwards."""
    with _locked(target):
        manifest = read_manifest(target)
        before = manifest.files if manifest else {}
        strangers = [path for path in written if path not in before and os.path.lexists(target / path)]
        if strangers:
            fix = "move it away: only files that `lake page` wrote are replaced"
            raise UsageError("a page would replace a file that is not ours", where=str(target / strangers[0]), fix=fix)
        _put(stage, target, MANIFEST, _encode({**before, **written}))  # what a crash leaves is ours, all of it
        for path in sorted(written, key=lambda path: (path == _LAST, not path.startswith("assets/"), path)):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).replace(target / path)
        for path in before.keys() - written.keys():
            if _digest(target / path) == before[path]:
                (target / path).unlink()
        _put(stage, target, MANIFEST, _encode(written))


def _put(stage: Path, target: Path, path: str, content: bytes) -> None:
    _write_file(stage / path, content)
    (stage / path).replace(target / path)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _encode(files: dict[str, str]) -> bytes:
    manifest = Manifest(files=dict(sorted(files.items())))
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # gone, or a folder by now: not what was written
        return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder, so that two runs do not mix their pages."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place, fix = str(error.filename or folder), "check permissions and space, or name another folder"
        raise StorageError(f"cannot write the page: {error.strerror}", where=place, fix=fix) from error
