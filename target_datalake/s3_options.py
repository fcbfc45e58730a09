"""The ``s3`` section of a configuration becomes what each request to S3 carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA_PREFIX = "landing/"
"""Only objects under this prefix take the storage class: the log and the rejects are small, and read often."""


@dataclass(frozen=True)
class S3Options:
    """The options of ``target.s3``, checked by ``config.schema.json``; ``docs/s3.md`` shows each at work."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    kms_key_id: str | None = None
    storage_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    expected_bucket_owner: str | None = None
    max_attempts: int = 8

    def of_any_request(self) -> dict[str, str]:
        """Return the parameters that every operation on the bucket takes."""
        return {"ExpectedBucketOwner": self.expected_bucket_owner} if self.expected_bucket_owner else {}

    def of_new_object(self, key: str) -> dict[str, str]:
        """Return the parameters of a request that creates an object.

        Args:
            key: The object's key in the lake.
        """
        arguments: dict[str, str] = {}
        if self.kms_key_id:
            arguments |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_id}
        if self.storage_class and key.startswith(DATA_PREFIX):
            arguments["StorageClass"] = self.storage_class
        if self.tags:
            arguments["Tagging"] = urlencode(dict(self.tags), quote_via=quote)
        return arguments
