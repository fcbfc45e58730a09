"""Files of rejected records become their lines: each a record's text, and why it did not land."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from target_datalake.commit_log import CommitLog
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.runs import RunRecord
    from target_datalake.storage import Storage


def read_rejected(storage: Storage, key: str) -> list[dict[str, Any]]:
    """Return the lines of a file of rejected records; ``target_datalake.rejects`` tells what is in one.

    Raises:
        StorageError: It is missing or damaged.
    """
    data, where = storage.read(key), f"{storage.uri}/{key}"
    try:
        text = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _damage(where) from error
    return parse_rejected(text, where)


def parse_rejected(text: bytes, where: str) -> list[dict[str, Any]]:
    """Return the lines of rejected records. Raises StorageError, with where they stand, if one is no JSON object."""
    try:
        lines = [json.loads(line) for line in text.split(b"\n") if line]
    except ValueError as error:
        raise _damage(where) from error
    if not all(isinstance(line, dict) for line in lines):
        raise _damage(where)
    return lines


def read_rejected_of(storage: Storage, record: RunRecord, max_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield the rejected records of a run, from as many of its files as `max_bytes` allow. Raises StorageError."""
    log = CommitLog(storage, record.source)
    for n in record.commits:
        for file in log.read(n).rejected:
            max_bytes -= file.bytes
            if max_bytes < 0:
                return
            yield from read_rejected(storage, file.key)


def _damage(where: str) -> StorageError:
    fix = "restore this file from a backup"
    return StorageError("a file of rejected records is damaged", where=where, fix=fix)
