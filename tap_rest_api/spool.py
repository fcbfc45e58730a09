"""Turns the parts of a body into its bytes, or, where these are more than memory should hold, into a file on disk."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from tap_rest_api.errors import BodyError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_BYTES = 8 * 1024 * 1024  # beyond it, a body that can be read in pieces goes to disk
MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_SPOOL_BYTES = 64 * 1024 * 1024 * 1024
_SHOWN_BYTES = 1024


class Spool:
    """A body on disk, in a file without a name that goes with the process. One reader at a time."""

    def __init__(self) -> None:
        with _room():
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as its page

    def write(self, part: bytes) -> None:
        """Append a part. Raises ConfigError where there is no room."""
        rest = memoryview(part)
        with _room():
            while rest:
                rest = rest[self._file.write(rest) :]

    def open(self) -> BinaryIO:
        """Open the body at its beginning."""
        reader = os.fdopen(os.dup(self._file.fileno()), "rb")
        reader.seek(0)
        return reader

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"a large answer cannot be kept on disk while it is read: {error.strerror}"
        fix = "make room, or name another folder in TMPDIR."
        raise ConfigError(message, where=tempfile.gettempdir(), fix=fix) from None


def gather(parts: Iterator[bytes], *, may_spool: bool) -> tuple[bytes, Spool | None]:
    """Join a body.

    Args:
        parts: The body, decompressed.
        may_spool: Where it gets large, put it on disk.

    Returns:
        The body; or its first bytes, and all of it on disk.

    Raises:
        BodyError: It is too large.
        ConfigError: There is no room for it.
    """
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if may_spool and size > MEMORY_BYTES:
            return b"".join(held)[:_SHOWN_BYTES], _spool(held, parts)
        if size > MAX_BODY_BYTES:
            raise BodyError(f"the answer is larger than {MAX_BODY_BYTES >> 20} MiB")
    return b"".join(held), None


def _spool(held: list[bytes], parts: Iterator[bytes]) -> Spool:
    spool = Spool()
    size = 0
    for part in chain(held, parts):
        size += len(part)
        if size > MAX_SPOOL_BYTES:
            raise BodyError(f"the answer is larger than {MAX_SPOOL_BYTES >> 30} GiB")
        spool.write(part)
    return spool
