"""A lake's storage becomes a file system that pyarrow's datasets read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
from pyarrow import fs

from target_datalake.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_datalake.storage import Storage


def to_filesystem(storage: Storage) -> fs.FileSystem:
    """Return a file system whose paths are the lake's keys; that of a folder is Arrow's own, the fastest there is."""
    if not storage.uri.startswith("s3://"):
        return fs.SubTreeFileSystem(storage.uri, fs.LocalFileSystem())
    return fs.PyFileSystem(_LakeHandler(storage))


class _LakeHandler(fs.FileSystemHandler):  # type: ignore[misc]  # pyarrow brings no types
    """Opens files for reading; a dataset over an explicit list of files asks for nothing else."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _LakeHandler) and other._storage.uri == self._storage.uri

    def __hash__(self) -> int:
        return hash(self._storage.uri)

    def get_type_name(self) -> str:
        return "lake"

    def normalize_path(self, path: str) -> str:
        return path

    def open_input_file(self, path: str) -> pa.PythonFile:
        try:
            return pa.PythonFile(self._storage.open(path), mode="r")
        except NotFoundError as error:
            raise FileNotFoundError(error.show()) from error

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return self.open_input_file(path)

    def get_file_info(self, paths: Sequence[str]) -> list[fs.FileInfo]:
        return [fs.FileInfo(path, fs.FileType.File) for path in paths]

    def get_file_info_selector(self, selector: Any) -> NoReturn:
        raise _reads_only(selector)

    def create_dir(self, path: str, recursive: Any) -> NoReturn:
        raise _reads_only(path, recursive)

    def delete_dir(self, path: str) -> NoReturn:
        raise _reads_only(path)

    def delete_dir_contents(self, path: str, missing_dir_ok: Any = None) -> NoReturn:
        raise _reads_only(path, missing_dir_ok)

    def delete_root_dir_contents(self) -> NoReturn:
        raise _reads_only()

    def delete_file(self, path: str) -> NoReturn:
        raise _reads_only(path)

    def move(self, src: str, dest: str) -> NoReturn:
        raise _reads_only(src, dest)

    def copy_file(self, src: str, dest: str) -> NoReturn:
        raise _reads_only(src, dest)

    def open_output_stream(self, path: str, metadata: Any) -> NoReturn:
        raise _reads_only(path, metadata)

    def open_append_stream(self, path: str, metadata: Any) -> NoReturn:
        raise _reads_only(path, metadata)


def _reads_only(*_: Any) -> PermissionError:
    return PermissionError("a lake's datasets are read by explicit lists of files, and never written this way")
