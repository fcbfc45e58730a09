"""A lake's address becomes its storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_datalake.local_storage import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_datalake.storage import Storage


def open_storage(path: str, *, scratch: str = "readers", s3: Mapping[str, Any] | None = None) -> Storage:
    """Open a folder, or ``s3://bucket/prefix``, as a lake's storage.

    Args:
        path: The lake's address. A relative folder counts from the working folder.
        scratch: On a disk the folder under ``_lake/tmp`` to stage in: the encoded name of the source.
        s3: The target's S3 options; credentials only through boto3's own chain.
    """
    if path.startswith("s3://"):
        from target_datalake.s3_storage import S3Storage  # boto3 takes 200 ms to import

        return S3Storage(path, s3 or {})
    return LocalStorage(path, scratch)
