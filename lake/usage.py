"""A source's log and folders become what they take up on the disk or in the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lake.snapshot import superseded_files
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_datalake.commits import Commit
    from target_datalake.storage import Storage


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a source.

    Attributes:
        live: Data files, those of old versions included.
        rejected: Rejected records.
        log: The log and its checkpoints.
        reclaimable: What of `live` belongs to old versions of full tables: `lake expire` frees it.
    """

    live: int = 0
    rejected: int = 0
    log: int = 0
    reclaimable: int = 0


def measure_usage(storage: Storage, source: str, commits: Sequence[Commit]) -> Usage:
    """Return what a source takes up, by its log; only the log's own folders are listed."""
    removed = {key for commit in commits for key in commit.remove}
    streams = commits[-1].versions if commits else {}
    prefixes = (layout.log_prefix(source), layout.checkpoint_prefix(source))
    return Usage(
        live=sum(file.bytes for commit in commits for file in commit.add if file.key not in removed),
        rejected=sum(file.bytes for commit in commits for file in commit.rejected if file.key not in removed),
        log=sum(file.bytes for prefix in prefixes for file in storage.list(prefix)),
        reclaimable=sum(file.bytes for stream in streams for _, file in superseded_files(commits, stream)),
    )
