"""What a lake's storage can do, whether it is a folder or a bucket: read, stage, publish."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True)
class StoredFile:
    """A file that stands in the lake: its key, and its size in bytes.

    On S3 `mark` is what changes when the object is written again; a disk leaves it empty.
    """

    key: str
    bytes: int
    mark: str = field(default="", compare=False)


@dataclass(frozen=True)
class StagedFile:
    """A file whose bytes are durable, and which no reader can see before it is published.

    Attributes:
        key: Where it will stand.
        bytes: Its size.
        sha256: The hex digest of its bytes.
        upload_id: On S3 the multipart upload that holds it; empty on a disk.
        parts: On S3 the ETags of the upload's parts, in order.
    """

    key: str
    bytes: int
    sha256: str
    upload_id: str = ""
    parts: tuple[str, ...] = ()


class StagedWriter(Protocol):
    """A binary file being staged. `finish` makes it durable; `abort` leaves nothing behind."""

    closed: bool

    def write(self, data: Any, /) -> int:
        """Append the bytes of a buffer."""
        ...

    def finish(self) -> StagedFile:
        """Make the bytes durable. Raises StorageError; after it the file must be aborted."""
        ...

    def abort(self) -> None:
        """Throw the bytes away."""
        ...


class Lock(Protocol):
    """A lock on a source, which the kernel releases when its last holder dies."""

    def fileno(self) -> int:
        """Return the descriptor to let a child process inherit."""
        ...

    def close(self) -> None:
        """Release the lock, unless a child still holds it."""
        ...


class Storage(Protocol):
    """Where a lake lives. Keys are relative, with ``/`` between parts; every method raises StorageError."""

    uri: str
    may_lose_staged: bool
    """Whether the store may drop by itself what is staged, as a bucket's lifecycle rule aborts unfinished uploads."""

    def read(self, key: str) -> bytes:
        """Return a file's bytes. Raises NotFoundError."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open a file for random reading. Raises NotFoundError."""
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredFile]:
        """Yield the files under a folder, at any depth, in the order of their keys; only those with keys past one."""
        ...

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the folders that stand directly under a folder, sorted."""
        ...

    def put(self, key: str, data: bytes, *, private: bool = False) -> None:
        """Write or replace a small file, durably and as a whole; `private` is readable by its owner only."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write a small file unless it exists: True if these bytes stand there now, False if others do.

        On S3 True also answers a call whose first reply was lost, since its bytes are there.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def move(self, key: str, new_key: str) -> None:
        """Give a file another key; doing it again changes nothing. Raises NotFoundError if it stands under neither.

        On S3 both keys may be there for a moment, and after a crash until it is done again.
        """
        ...

    def stage(self, key: str, *, private: bool = False) -> StagedWriter:
        """Start a file that appears under its key only when it is published."""
        ...

    def publish(self, file: StagedFile) -> None:
        """Make a staged file appear; doing it again changes nothing. Raises NotFoundError if it is nowhere."""
        ...

    def discard(self, file: StagedFile) -> None:
        """Throw a staged file away; one that is not there is no error."""
        ...

    def sweep(self, prefixes: tuple[str, ...], is_orphan: Callable[[str], bool]) -> int:
        """Throw away what dead runs of this source staged, and return how many files that were.

        On a disk that is all of the source's staging folder; on S3 the unfinished uploads under the prefixes whose
        key `is_orphan` accepts.
        """
        ...

    def with_scratch(self, scratch: str) -> Storage:
        """Return the same lake, staging (on a disk) in another folder under ``_lake/tmp``: that of another log."""
        ...

    def lock(self, key: str, inherited: int | None = None) -> Lock | None:
        """Lock a source against other runs, or go by the lock whose descriptor a parent handed on.

        Returns:
            The lock, to be closed; None where there is nothing to close: the parent has it, or the store has no locks.

        Raises:
            HeldError: Another run holds it.
        """
        ...
