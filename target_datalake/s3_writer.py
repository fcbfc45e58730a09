"""Bytes become the parts of a multipart upload, which nobody sees before it is completed."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from target_datalake.errors import StorageError
from target_datalake.fail_points import reach
from target_datalake.layout import commit_id_of
from target_datalake.s3_bucket import Upload
from target_datalake.storage import StagedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.s3_bucket import Bucket

PART_BYTES = 8 << 20
"""Size of the first thousand parts; S3 takes none under 5 MiB but the last."""

PARTS_PER_SIZE = 1000
"""Then the size doubles, as often as it takes: S3 has no more than 10,000 parts to an upload."""

MEMORY_BYTES = 256 << 10
"""What a writer keeps of a part in memory; the rest waits in a nameless temporary file. Streams may be many."""


class S3Writer:
    """An object being uploaded in parts, hashed as it is written. A crash leaves an upload that a sweep aborts."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket, self._key = bucket, key
        self._pending = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed with the writer
        self._pending_bytes = 0
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        self._upload: Upload | None = None
        self._etags: list[str] = []
        self.closed = False

    def write(self, data: Any, /) -> int:
        """Append a buffer's bytes, and upload whole parts."""
        reach("stage.write")
        view = memoryview(data).cast("B")
        written = len(view)
        self._sha256.update(view)
        self._bytes += written
        while self._pending_bytes + len(view) >= self._part_bytes:
            missing = self._part_bytes - self._pending_bytes
            self._keep(view[:missing])
            view = view[missing:]
            self._upload_part()
        self._keep(view)
        return written

    def finish(self) -> StagedFile:
        """Upload what is left; the upload stays unfinished, so unseen, until it is published."""
        reach("stage.finish")
        if self._pending_bytes or not self._etags:
            self._upload_part()
        reach("stage.finished")
        self._close()
        assert self._upload is not None  # noqa: S101 - there is a part, if only an empty one
        return StagedFile(self._key, self._bytes, self._sha256.hexdigest(), self._upload.id, tuple(self._etags))

    def abort(self) -> None:
        """Abort the upload if it began."""
        self._close()
        if self._upload:
            self._bucket.abort_upload(self._upload)

    @property
    def _part_bytes(self) -> int:
        return PART_BYTES << (len(self._etags) // PARTS_PER_SIZE)

    def _keep(self, view: memoryview) -> None:
        with _explained(self._key):
            self._pending.write(view)
        self._pending_bytes += len(view)

    def _upload_part(self) -> None:
        with _explained(self._key):
            self._pending.seek(0)
            data = self._pending.read()
            self._pending.seek(0)
            self._pending.truncate()
        self._upload = self._upload or Upload(self._key, self._bucket.create_upload(self._key, commit_id_of(self._key)))
        self._etags.append(self._bucket.upload_part(self._upload, len(self._etags) + 1, data))
        self._pending_bytes = 0

    def _close(self) -> None:
        self.closed = True
        self._pending.close()


@contextmanager
def _explained(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot stage {key}: {error.strerror or error}",
            where=tempfile.gettempdir(),
            fix="parts of 8 MiB wait there before they are uploaded: free some space, or set TMPDIR to another folder",
        ) from error
