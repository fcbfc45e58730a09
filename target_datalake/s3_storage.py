"""A bucket becomes a lake's storage: files are staged as multipart uploads, and published by completing them."""

from __future__ import annotations

import io
import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, cast

from target_datalake.errors import NotFoundError, StorageError
from target_datalake.fail_points import reach
from target_datalake.layout import LOCK_PREFIX, commit_id_of
from target_datalake.s3_bucket import Bucket, Upload
from target_datalake.s3_errors import PreconditionError, RangeError, UnsupportedError
from target_datalake.s3_file import ObjectFile
from target_datalake.s3_lock import ObjectLock, inherited_owner_id, new_owner_id
from target_datalake.s3_options import S3Options
from target_datalake.s3_writer import S3Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from target_datalake.storage import StagedFile, StoredFile

logger = logging.getLogger(__name__)

PROBE_KEY = f"{LOCK_PREFIX}/@probe"
"""An object that stands in every lake on S3, so that one conditional put tells whether the store honours them."""


class S3Storage:
    """A lake under ``s3://bucket/prefix``. S3 acknowledges a write when it is durable; uploads show when completed."""

    def __init__(self, uri: str, options: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep) -> None:
        self._bucket = Bucket(uri, S3Options(**options), sleep)
        self._sleep = sleep
        self._lock: ObjectLock | None = None
        self.may_lose_staged = True
        self.uri = self._bucket.uri

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self._bucket.get(key).data

    def open(self, key: str) -> BinaryIO:
        """Open an object for random reading; a small one is read at once."""
        try:
            return cast("BinaryIO", ObjectFile(self._bucket, key))
        except RangeError:
            return io.BytesIO()  # an empty object has no range

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredFile]:
        """Yield the objects under a folder: in the order of their keys, or (SeaweedFS) so within each folder."""
        return self._bucket.list(f"{prefix}/", after)

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the prefixes directly under a prefix."""
        return sorted(self._bucket.folders(f"{prefix}/"))

    def put(self, key: str, data: bytes, *, private: bool = False) -> None:  # noqa: ARG002 - a bucket's policy decides
        """Write or replace an object."""
        self._bucket.put(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object with ``If-None-Match: *``; on a store that ignores it, under the source's lock.

        A put whose reply was lost is sent again by boto3, and refused: then our own bytes stand there.
        """
        if not self._honours_conditions:
            return self._put_after_a_look(key, data)
        try:
            self._bucket.put(key, data, absent=True)
        except PreconditionError:
            return self.read(key) == data
        return True

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._bucket.delete(key)

    def move(self, key: str, new_key: str) -> None:
        """Copy an object, then remove it under its old key."""
        try:
            self._bucket.copy(key, new_key)
        except NotFoundError:
            self._bucket.head(new_key)
        self._bucket.delete(key)

    def stage(self, key: str, *, private: bool = False) -> S3Writer:  # noqa: ARG002 - a bucket's policy decides
        """Start a multipart upload to the final key; nobody sees it before it is completed."""
        reach("stage.open")
        return S3Writer(self._bucket, key)

    def publish(self, file: StagedFile) -> None:
        """Complete the upload. One that is gone was completed before if its object stands there in full.

        Raises:
            NotFoundError: There is neither: the upload was aborted, by a rule of the bucket or by hand.
            StorageError: Another object stands there.
        """
        if not file.upload_id:  # it was staged on a disk, and the lake has been copied since
            self._require(file)
            return
        try:
            self._bucket.complete_upload(Upload(file.key, file.upload_id), file.parts)
        except (NotFoundError, PreconditionError):
            self._require(file)

    def discard(self, file: StagedFile) -> None:
        """Abort the upload of a staged file."""
        self._bucket.abort_upload(Upload(file.key, file.upload_id))

    def sweep(self, prefixes: tuple[str, ...], is_orphan: Callable[[str], bool]) -> int:
        """Abort the unfinished uploads whose key `is_orphan` accepts."""
        uploads = [upload for prefix in prefixes for upload in self._bucket.uploads(f"{prefix}/")]
        orphans = [upload for upload in uploads if is_orphan(upload.key)]
        for upload in orphans:
            self._bucket.abort_upload(upload)
        return len(orphans)

    def with_scratch(self, scratch: str) -> S3Storage:  # noqa: ARG002 - uploads are told apart by their keys
        """Return this storage: what is staged stands under its final key."""
        return self

    def lock(self, key: str, inherited: int | None = None) -> ObjectLock | None:
        """Return None where the log's conditional put decides between two writers, else an object as a lock."""
        if self._honours_conditions:
            return None
        if inherited is not None:
            self._lock = ObjectLock(self._bucket, key, inherited_owner_id(inherited))
            return None
        self._lock = ObjectLock(self._bucket, key, new_owner_id())
        self._lock.take(self._sleep)
        return self._lock

    @cached_property
    def _honours_conditions(self) -> bool:
        """Ask the store once: of two conditional puts of the probe it must refuse one."""
        for _ in range(2):
            try:
                self._bucket.put(PROBE_KEY, b"{}", absent=True)
            except PreconditionError:
                return True
            except UnsupportedError:
                break
        logger.warning(
            "this store ignores If-None-Match: a lock object keeps two runs of a source apart, less surely; "
            "let only one run write a source at a time"
        )
        return False

    def _put_after_a_look(self, key: str, data: bytes) -> bool:
        if self._lock:
            self._lock.require()
        try:
            return self.read(key) == data
        except NotFoundError:
            self._bucket.put(key, data)
            return True

    def _require(self, file: StagedFile) -> None:
        standing = self._bucket.head(file.key)
        if standing.bytes != file.bytes or standing.commit_id not in {None, commit_id_of(file.key)}:
            raise StorageError(
                f"{file.key} is not the file that the log names: {standing.bytes} bytes instead of {file.bytes}",
                where=self.uri,
                fix="something else wrote this object: restore it from a version or a backup",
            )
