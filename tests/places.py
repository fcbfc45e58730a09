"""Where a test's lake is: a folder, or a bucket of a fake S3."""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import boto3
from moto import backends
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend

from tests.seaweedfs import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    import pytest

REGION = "us-east-1"

S3_SERVER = os.environ.get("S3_SERVER", "moto")
"""Which S3 the tests run against: the fake one, or ``seaweedfs``, a real server (`make s3`)."""


@dataclass(frozen=True)
class LakePlace:
    """What a configuration says of a lake's place."""

    kind: str
    path: str
    s3: dict[str, Any] = field(default_factory=dict)

    @property
    def target_config(self) -> dict[str, Any]:
        return {"path": self.path, **({"s3": self.s3} if self.s3 else {})}

    def through(self, endpoint: str, **options: Any) -> LakePlace:
        """Return the same place, reached by another endpoint or with more options."""
        return replace(self, s3={**self.s3, "endpoint_url": endpoint, **options})


def set_aws_credentials(environment: pytest.MonkeyPatch) -> None:
    """Set credentials that open the S3 of these tests, and nothing else."""
    environment.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    environment.delenv("AWS_PROFILE", raising=False)
    environment.delenv("AWS_SESSION_TOKEN", raising=False)


def make_s3_place(endpoint: str) -> LakePlace:
    """Make a fresh bucket, and return a lake's place under a prefix in it."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=endpoint, region_name=REGION).create_bucket(Bucket=bucket)
    return LakePlace("s3", f"s3://{bucket}/some/lake", {"endpoint_url": endpoint, "region": REGION, "max_attempts": 2})


def teach_moto_missing_uploads() -> None:
    """Make the fake S3 say NoSuchUpload as S3 does when an upload that is gone is completed; by itself it says 500."""
    complete = S3Backend.complete_multipart_upload

    def complete_if_there(backend: S3Backend, bucket_name: str, multipart_id: str, body: Any) -> Any:
        if multipart_id not in backend.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)
        return complete(backend, bucket_name, multipart_id, body)

    S3Backend.complete_multipart_upload = complete_if_there  # type: ignore[method-assign] # for the session


def spare_moto_its_search() -> None:
    """Let the fake S3 look for its own modules once: it reads their folder, of hundreds, at every request."""
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules  # type: ignore[assignment] # for the session
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


def uploads_in(place: LakePlace) -> list[str]:
    """Return the keys of a bucket's unfinished uploads."""
    client = boto3.client("s3", endpoint_url=place.s3["endpoint_url"], region_name=REGION)
    bucket = place.path.removeprefix("s3://").partition("/")[0]
    return [upload["Key"] for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
