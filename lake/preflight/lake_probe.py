"""A lake's storage becomes ticks: it can be read and written, puts exclude each other, and there is room."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import DAMAGED_EXIT_CODE
from lake.preflight.checks import Check, to_failure
from lake.text import to_bytes
from target_datalake import layout
from target_datalake.commit_log import CommitLog
from target_datalake.errors import NotFoundError, TargetError
from target_datalake.lake_format import check_format
from target_datalake.stores import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.project import Project
    from target_datalake.storage import Storage

_SCRATCH = "@check"  # no source has such a name
_STORE_PROBE = f"{layout.LOCK_PREFIX}/@probe"  # what S3 storage asks a store's abilities with
_LEAST_BYTES, _FEW_BYTES = 64 << 20, 1 << 30


def check_lake(project: Project) -> Iterator[Check]:
    """Look at a project's lake, without leaving anything in it."""
    with _nothing_left(project):
        try:
            storage = open_storage(project.lake, scratch=_SCRATCH, s3=project.s3)
            yield _check_head(storage, project)
            yield _check_puts(storage)
        except TargetError as error:
            yield to_failure("lake", error)
    if not _is_remote(project):
        yield _check_room("room in the lake", Path(project.lake))
    yield _check_room("room for temporary files", Path(tempfile.gettempdir()))


def _check_head(storage: Storage, project: Project) -> Check:
    check_format(storage, write=False)
    head = CommitLog(storage, project.source).head()
    place = f"{storage.uri}, source '{project.source}'"
    return Check(what="lake", found=f"{place}: {f'commit {head.n}' if head else 'nothing has landed yet'}")


def _check_puts(storage: Storage) -> Check:
    """Write a file, try to write it again as if it were not there, read it, and take it away."""
    key = f"{layout.TMP_PREFIX}/{_SCRATCH}/{secrets.token_hex(8)}"
    had_store_probe = _has_store_probe(storage)
    try:
        first, second = storage.put_if_absent(key, b"1"), storage.put_if_absent(key, b"2")
        content = storage.read(key)
    finally:
        with contextlib.suppress(NotFoundError):  # then the put failed, which tells more
            storage.delete(key)
        if not had_store_probe and _has_store_probe(storage):
            storage.delete(_STORE_PROBE)
    if not first or second or content != b"1":
        fix = "let only one run write a source at a time, or use a store that honours If-None-Match."
        found = "a file can be written twice as if it were new: two runs at once could overwrite each other"
        return Check(what="writing", state="warning", found=found, fix=fix)
    return Check(what="writing", found="written, refused a second time, read, and taken away")


def _has_store_probe(storage: Storage) -> bool:
    return any(file.key == _STORE_PROBE for file in storage.list(layout.LOCK_PREFIX))


def _check_room(what: str, folder: Path) -> Check:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    found = f"{to_bytes(free)} free at {there}"
    if free < _LEAST_BYTES:
        fix = "free some space: a run needs room for what it stages."
        return Check(what=what, state="failed", found=found, fix=fix, exit_code=DAMAGED_EXIT_CODE)
    if free < _FEW_BYTES:
        return Check(what=what, state="warning", found=found, fix="free some space before a large run.")
    return Check(what=what, found=found)


def _is_remote(project: Project) -> bool:
    return project.lake.startswith("s3://")


@contextlib.contextmanager
def _nothing_left(project: Project) -> Iterator[None]:
    """Take the folders away that were not there before and are empty; on S3 there are none."""
    if _is_remote(project):
        yield
        return
    root = Path(project.lake)
    folders = [root / layout.TMP_PREFIX / _SCRATCH, *(root / layout.TMP_PREFIX / _SCRATCH).parents]
    missing = [folder for folder in folders if not folder.exists()]
    try:
        yield
    finally:
        for folder in missing:  # the innermost first
            with contextlib.suppress(OSError):
                folder.rmdir()
