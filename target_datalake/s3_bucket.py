"""A bucket and a prefix become the S3 operations that a lake needs, on the lake's own keys.

The one place that talks to S3: each request carries what the options say, is tried again where that helps, and fails
with an error that says what to mend.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from target_datalake.errors import ConfigError, NotFoundError
from target_datalake.s3_client import connect
from target_datalake.s3_errors import TransientError, explained, explained_body
from target_datalake.storage import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_datalake.s3_options import S3Options

_T = TypeVar("_T")

OPERATIONS = {
    "get_object": "read",
    "head_object": "read",
    "list_objects_v2": "list",
    "put_object": "write",
    "copy_object": "move",
    "delete_object": "remove",
    "create_multipart_upload": "stage",
    "upload_part": "stage",
    "complete_multipart_upload": "publish",
    "abort_multipart_upload": "abort the upload of",
    "list_multipart_uploads": "list the uploads of",
}
"""The operations a lake needs, and how an error calls each. ``docs/s3.md`` has a policy that allows just these."""

_MARKERS = {
    "list_objects_v2": {"ContinuationToken": "NextContinuationToken"},
    "list_multipart_uploads": {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"},
}
"""What asks for the next page of a list, and what the page before calls it."""

_LONGEST_WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Reply:
    """What a GET brought: bytes, the whole object's size, and its age in seconds by the store's own clock."""

    data: bytes
    total_bytes: int
    age_seconds: float


@dataclass(frozen=True)
class Standing:
    """An object that stands: its size, and the id of the commit that its upload was begun for, if it says so."""

    bytes: int
    commit_id: str | None


@dataclass(frozen=True)
class Upload:
    """An unfinished multipart upload."""

    key: str
    id: str


class Bucket:
    """The objects under ``s3://bucket/prefix``. Every method raises TargetError as ``s3_errors`` says."""

    def __init__(self, uri: str, options: S3Options, sleep: Callable[[float], None]) -> None:
        self._name, _, prefix = uri.removeprefix("s3://").strip("/").partition("/")
        if not self._name:
            raise ConfigError(f"{uri!r} names no bucket", fix='write "path": "s3://bucket/prefix"')
        self.uri = f"s3://{self._name}/{prefix}".rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._options = options
        self._sleep = sleep
        with explained("connect", self.uri):
            self._client = connect(options)

    def get(self, key: str, byte_range: str | None = None) -> Reply:
        """Return an object's bytes, or those of a range as HTTP writes it: ``bytes=0-99``, ``bytes=-100``."""
        wanted = {"Range": byte_range} if byte_range else {}
        return self._call("get_object", key, _to_reply, Key=self._prefix + key, **wanted)

    def head(self, key: str) -> Standing:
        """Return what stands under a key."""
        return self._call("head_object", key, _to_standing, Key=self._prefix + key)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredFile]:
        """Yield the objects under a prefix whose keys come after one."""
        start = {"StartAfter": self._prefix + after} if after else {}
        for page in self._pages("list_objects_v2", prefix, **start):
            for found in page.get("Contents", ()):
                mark = f"{found['ETag']} {found['LastModified'].isoformat()}"
                yield StoredFile(found["Key"][len(self._prefix) :], found["Size"], mark)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names between a prefix and the next slash."""
        for page in self._pages("list_objects_v2", prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"][len(self._prefix) + len(prefix) :].rstrip("/")

    def put(self, key: str, data: bytes, *, absent: bool = False) -> None:
        """Write an object; with `absent` raise PreconditionError where one stands."""
        condition = {"IfNoneMatch": "*"} if absent else {}
        created = self._options.of_new_object(key)
        body = {"Body": data, "ContentMD5": _md5(data)}
        self._call("put_object", key, dict, Key=self._prefix + key, **body, **condition, **created)

    def copy(self, key: str, new_key: str) -> None:
        """Write what stands under a key under another, too."""
        source = {"Bucket": self._name, "Key": self._prefix + key}
        owner = self._options.expected_bucket_owner
        owned = {"ExpectedSourceBucketOwner": owner} if owner else {}
        created = self._options.of_new_object(new_key)
        if "Tagging" in created:
            created["TaggingDirective"] = "REPLACE"
        self._call("copy_object", key, dict, Key=self._prefix + new_key, CopySource=source, **owned, **created)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._call("delete_object", key, dict, Key=self._prefix + key)

    def create_upload(self, key: str, commit_id: str) -> str:
        """Start a multipart upload, and return its id."""
        created = self._options.of_new_object(key)
        reply = self._call(
            "create_multipart_upload", key, dict,
            Key=self._prefix + key, Metadata={_COMMIT_ID: commit_id}, **created,
        )  # fmt: skip
        return str(reply["UploadId"])

    def upload_part(self, upload: Upload, number: int, data: bytes) -> str:
        """Store one part, counted from 1, and return its ETag."""
        body = {"Body": data, "ContentMD5": _md5(data)}
        reply = self._call("upload_part", upload.key, dict, **self._of(upload), PartNumber=number, **body)
        return str(reply["ETag"])

    def complete_upload(self, upload: Upload, etags: tuple[str, ...]) -> None:
        """Make an upload's parts an object. Raises NotFoundError when there is no such upload."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self._call("complete_multipart_upload", upload.key, dict, **self._of(upload), MultipartUpload={"Parts": parts})

    def abort_upload(self, upload: Upload) -> None:
        """Throw an upload away; one that is gone is no error."""
        try:
            self._call("abort_multipart_upload", upload.key, dict, **self._of(upload))
        except NotFoundError:
            return

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Yield the unfinished uploads under a prefix."""
        for page in self._pages("list_multipart_uploads", prefix):
            for found in page.get("Uploads", ()):
                yield Upload(found["Key"][len(self._prefix) :], found["UploadId"])

    def _pages(self, operation: str, prefix: str, **arguments: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, of up to 1,000 each."""
        marker: dict[str, str] = {}
        while True:
            page = self._call(operation, prefix, dict, Prefix=self._prefix + prefix, **arguments, **marker)
            yield page
            if not page.get("IsTruncated"):
                return
            marker = {name: page[told] for name, told in _MARKERS[operation].items()}

    def _of(self, upload: Upload) -> dict[str, str]:
        return {"Key": self._prefix + upload.key, "UploadId": upload.id}

    def _call(self, operation: str, key: str, read: Callable[[dict[str, Any]], _T], **arguments: Any) -> _T:
        """Send a request and read its reply; boto3 tries again what it knows as passing, this loop the rest."""
        action, where = OPERATIONS[operation], f"{self.uri}/{key}"
        attempt = 1
        while True:
            try:
                with explained(action, where):
                    request = getattr(self._client, operation)
                    reply = request(Bucket=self._name, **self._options.of_any_request(), **arguments)
                with explained_body(action, where):
                    return read(reply)
            except TransientError:
                if attempt >= self._options.max_attempts:
                    raise
            self._sleep(min(0.1 * 2**attempt, _LONGEST_WAIT_SECONDS))
            attempt += 1


_COMMIT_ID = "lake-commit"
"""The user metadata of a staged object; S3 shows no digest of what was uploaded in parts."""


def _to_reply(reply: dict[str, Any]) -> Reply:
    data = reply["Body"].read()
    total = reply.get("ContentRange", "").rpartition("/")[2]
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    now = parsedate_to_datetime(headers["date"]) if "date" in headers else reply["LastModified"]
    age = (now - reply["LastModified"]).total_seconds()
    return Reply(data, int(total) if total.isdigit() else len(data), age)


def _to_standing(reply: dict[str, Any]) -> Standing:
    return Standing(reply["ContentLength"], reply.get("Metadata", {}).get(_COMMIT_ID))


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")
