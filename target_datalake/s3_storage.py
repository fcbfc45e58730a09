"""A bucket and a prefix become a lake's storage: staged as multipart uploads, published by completing them."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from target_datalake.errors import ConfigError, CredentialsError, NotFoundError, StorageError, TargetError
from target_datalake.fail_points import reach
from target_datalake.storage import StagedFile, StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PART_BYTES = 8 << 20
"""Size of an upload's parts; S3 takes no part under 5 MiB but the last."""

_MISSING = frozenset({"NoSuchKey", "404", "NoSuchUpload", "NotFound"})
_REFUSED = frozenset(
    {
        "AccessDenied",
        "403",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "401",
    }
)


class S3Storage:
    """A lake under ``s3://bucket/prefix``. S3 acknowledges a write when it is durable; uploads show when completed."""

    def __init__(self, uri: str, options: Mapping[str, Any]) -> None:
        self._bucket, _, prefix = uri.removeprefix("s3://").strip("/").partition("/")
        if not self._bucket:
            raise ConfigError(f"{uri!r} names no bucket", fix='write "path": "s3://bucket/prefix"')
        self.uri = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self.may_lose_staged = True
        with self._explained("connect", ""):
            self._client = connect(options)

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        with self._explained("read", key):
            response = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            data: bytes = response["Body"].read()
            return data

    def open(self, key: str) -> BinaryIO:
        """Read an object into memory; a lake's files are small enough for it."""
        return io.BytesIO(self.read(key))

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredFile]:
        """Yield the objects under a prefix in the order of their keys."""
        start = {"StartAfter": self._prefix + after} if after else {}
        with self._explained("list", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{prefix}/", **start
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield StoredFile(found["Key"][len(self._prefix) :], found["Size"])

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the prefixes directly under a prefix."""
        whole = f"{self._prefix}{prefix}/"
        with self._explained("list", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=whole, Delimiter="/"
            )
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        return sorted(name[len(whole) :].rstrip("/") for name in found)

    def put(self, key: str, data: bytes, *, private: bool = False) -> None:  # noqa: ARG002 - a bucket's policy decides
        """Write or replace an object."""
        with self._explained("write", key):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object with ``If-None-Match: *``."""
        with self._explained("write", key):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) not in {"PreconditionFailed", "412"}:
                    raise
                return False
            return True

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._explained("remove", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def move(self, key: str, new_key: str) -> None:
        """Copy an object, then remove it under its old key."""
        source = {"Bucket": self._bucket, "Key": self._prefix + key}
        with self._explained("move", key):
            try:
                self._client.copy_object(Bucket=self._bucket, Key=self._prefix + new_key, CopySource=source)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                self._client.head_object(Bucket=self._bucket, Key=self._prefix + new_key)
            self._client.delete_object(**source)

    def stage(self, key: str, *, private: bool = False) -> S3Writer:  # noqa: ARG002 - a bucket's policy decides
        """Start a multipart upload to the final key; nobody sees it before it is completed."""
        reach("stage.open")
        return S3Writer(self, key)

    def publish(self, file: StagedFile) -> None:
        """Complete the upload. One that is gone was completed before if its object stands there in full."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(file.parts, 1)]
        with self._explained("publish", file.key):
            try:
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._prefix + file.key,
                    UploadId=file.upload_id,
                    MultipartUpload={"Parts": parts},
                )
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise
                self._require(file)

    def discard(self, file: StagedFile) -> None:
        """Abort the upload of a staged file."""
        self.abort_upload(file.key, file.upload_id)

    def sweep(self, prefixes: tuple[str, ...], is_orphan: Callable[[str], bool]) -> int:
        """Abort the unfinished uploads whose key `is_orphan` accepts."""
        orphans = [upload for prefix in prefixes for upload in self._uploads(prefix) if is_orphan(upload[0])]
        for key, upload_id in orphans:
            self.abort_upload(key, upload_id)
        return len(orphans)

    def lock(self, key: str) -> None:
        """Return None: S3 has no locks. The log's conditional put decides between two writers."""

    def create_upload(self, key: str) -> str:
        """Start a multipart upload and return its id."""
        with self._explained("stage", key):
            response = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._prefix + key)
            upload_id: str = response["UploadId"]
            return upload_id

    def upload_part(self, key: str, upload_id: str, number: int, data: bytes) -> str:
        """Store one part and return its ETag."""
        with self._explained("stage", key):
            response = self._client.upload_part(
                Bucket=self._bucket, Key=self._prefix + key, UploadId=upload_id, PartNumber=number, Body=data
            )
            etag: str = response["ETag"]
            return etag

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Abort an upload; one that is gone is no error."""
        with self._explained("abort the upload of", key):
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._prefix + key, UploadId=upload_id)
            except ClientError as error:
                if _code(error) not in _MISSING:
                    raise

    def _uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        with self._explained("list the uploads of", prefix):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{prefix}/"
            )
            for page in pages:
                for upload in page.get("Uploads", ()):
                    yield upload["Key"][len(self._prefix) :], upload["UploadId"]

    def _require(self, file: StagedFile) -> None:
        head = self._client.head_object(Bucket=self._bucket, Key=self._prefix + file.key)
        if head["ContentLength"] != file.bytes:
            raise StorageError(
                f"{file.key} has {head['ContentLength']} bytes, the log says {file.bytes}",
                where=self.uri,
                fix="something else wrote this object: restore it from a version or a backup",
            )

    @contextmanager
    def _explained(self, action: str, key: str) -> Iterator[None]:
        where = f"{self.uri}/{key}"
        try:
            yield
        except ClientError as error:
            raise _from_reply(error, action, where) from error
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            raise CredentialsError(
                f"no usable S3 credentials: {error}",
                where=where,
                fix="set AWS_PROFILE or the AWS_* variables, or a role",
            ) from error
        except BotoCoreError as error:
            raise StorageError(
                f"cannot {action}: {error}",
                where=where,
                fix="check the network, the region and s3.endpoint_url",
            ) from error


class S3Writer:
    """An object being uploaded in parts of 8 MiB, hashed as it is written."""

    def __init__(self, storage: S3Storage, key: str) -> None:
        self._storage, self._key = storage, key
        self._buffer = bytearray()
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        self._upload_id = ""
        self._parts: list[str] = []
        self.closed = False

    def write(self, data: Any, /) -> int:
        """Append a buffer's bytes, and upload whole parts."""
        reach("stage.write")
        view = memoryview(data).cast("B")
        self._sha256.update(view)
        self._bytes += len(view)
        self._buffer += view
        while len(self._buffer) >= PART_BYTES:
            self._upload(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(view)

    def finish(self) -> StagedFile:
        """Upload what is left; the upload stays unfinished, so unseen, until it is published."""
        reach("stage.finish")
        if self._buffer or not self._parts:
            self._upload(bytes(self._buffer))
        reach("stage.finished")
        self._buffer.clear()
        self.closed = True
        return StagedFile(self._key, self._bytes, self._sha256.hexdigest(), self._upload_id, tuple(self._parts))

    def abort(self) -> None:
        """Abort the upload if it began."""
        self.closed = True
        if self._upload_id:
            self._storage.abort_upload(self._key, self._upload_id)

    def _upload(self, data: bytes) -> None:
        self._upload_id = self._upload_id or self._storage.create_upload(self._key)
        self._parts.append(self._storage.upload_part(self._key, self._upload_id, len(self._parts) + 1, data))


def connect(options: Mapping[str, Any]) -> Any:
    """Return a boto3 S3 client for the target's ``s3`` options; credentials come from boto3's own chain."""
    session = boto3.Session(profile_name=options.get("profile"), region_name=options.get("region"))
    retries = {"mode": "standard", "total_max_attempts": options.get("max_attempts", 8)}
    return session.client("s3", endpoint_url=options.get("endpoint_url"), config=Config(retries=retries))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _from_reply(error: ClientError, action: str, where: str) -> TargetError:
    code = _code(error)
    if code == "NoSuchBucket":
        return StorageError("there is no such bucket", where=where, fix="create it, or mend the lake's path")
    if code in _MISSING:
        return NotFoundError(f"cannot {action}: there is no such object", where=where)
    if code in _REFUSED:
        fix = "check the credentials, their clock, and that their policy allows this bucket and prefix"
        return CredentialsError(f"cannot {action}: S3 answers {code}", where=where, fix=fix)
    return StorageError(f"cannot {action}: S3 answers {code}", where=where, fix="run again; nothing committed is lost")
