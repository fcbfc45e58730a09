"""A lake becomes a list of what is damaged in it: every file against the log, and the log against itself.

Nothing is written, and no lock is taken: files are listed before the log is read, so that what a run adds meanwhile
is known to the log by then.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from lake.findings import Finding, Report
from lake.history import decode_name, read_zone_owners
from lake.log_chain import read_chain
from lake.strangers import own_prefixes, stranger_findings, unowned_findings
from target_datalake import layout
from target_datalake.commit_log import read_sources
from target_datalake.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from lake.findings import Kind
    from lake.log_chain import LogChain
    from target_datalake.commits import DataFile
    from target_datalake.storage import Storage

_PARALLEL_FILES = 4

_CHUNK_BYTES = 1 << 20


def verify_lake(storage: Storage) -> Report:
    """Check everything that stands in a lake. Raises StorageError if it cannot be listed."""
    unowned = unowned_findings(storage)
    owners = [*map(decode_name, read_sources(storage)), *read_zone_owners(storage)]
    reports = [verify_source(storage, owner) for owner in owners]
    return Report(
        files=sum(report.files for report in reports),
        bytes=sum(report.bytes for report in reports),
        findings=tuple(finding for report in reports for finding in report.findings) + tuple(unowned),
    )


def verify_source(storage: Storage, source: str, stream: str | None = None) -> Report:
    """Check a log, and its files and schemas or those of one stream. Raises StorageError.

    Args:
        storage: The lake.
        source: The source, or what the log of a dataset of a zone goes by.
        stream: Look only at its files; None for all. The log of a dataset of a zone has no other.
    """
    stream = stream if layout.split_owner(source)[0] == "landing" else None
    listed = [file for prefix in own_prefixes(source) for file in storage.list(prefix)]
    chain = read_chain(storage, source)
    findings = [Finding(kind="log", key=key, message=message, source=source) for key, message in chain.breaks]
    findings += stranger_findings(storage, chain, listed, stream)
    findings += _missing_schemas(storage, chain, stream)
    live = [file for file in chain.live if stream in {None, file.stream}]
    with ThreadPoolExecutor(_PARALLEL_FILES) as pool:
        found = [finding for finding in pool.map(lambda file: _check_file(storage, chain, file), live) if finding]
    findings += [finding for finding in found if not _went_meanwhile(storage, chain, finding)]
    return Report(files=len(live), bytes=sum(file.bytes for file in live), findings=tuple(findings))


def _check_file(storage: Storage, chain: LogChain, file: DataFile) -> Finding | None:
    try:
        opened = _open(storage, file)
    except NotFoundError:
        kind, message = _missing(chain, file)
    else:
        with opened:
            kind, message = _compare(opened, file)
    return Finding(kind=kind, key=file.key, message=message, source=chain.source) if message else None


def _open(storage: Storage, file: DataFile) -> BinaryIO:
    try:
        return storage.open(file.key)
    except NotFoundError:
        if not file.merge_key:
            raise
        return storage.open(file.merge_key)  # it stands there whole until its commit is published


def _missing(chain: LogChain, file: DataFile) -> tuple[Kind, str]:
    if file not in chain.commits[-1].files:
        return "missing", "the log names this file, and it is not there"
    return "unpublished", f"commit {chain.head}, the last one, is not wholly published: the next run finishes it"


def _compare(opened: BinaryIO, file: DataFile) -> tuple[Kind, str]:
    """Return what is wrong with a file's bytes; an empty sentence for nothing."""
    size, digest = measure(opened)
    if size != file.bytes:
        return "changed", f"it has {size} bytes, {file.bytes} were committed"
    if digest != file.sha256:
        return "changed", f"its sha256 is {digest}, {file.sha256} was committed"
    opened.seek(0)
    try:
        rows = _count_rows(opened, file.key)
    except (OSError, EOFError, ValueError, zlib.error) as error:  # pyarrow's and msgspec's errors are among these
        return "damaged", f"it is as it was committed, and cannot be read: {type(error).__name__}"
    return "rows", f"it has {rows} rows, the log says {file.rows}" if rows != file.rows else ""


def measure(file: BinaryIO) -> tuple[int, str]:
    """Return how many bytes a file still has, and their sha256."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _count_rows(file: BinaryIO, key: str) -> int:
    if key.endswith(".parquet"):
        import pyarrow.parquet as pq  # 250 ms, and only data files need it

        rows: int = pq.ParquetFile(file).metadata.num_rows
        return rows
    with gzip.open(file) as lines:
        return sum(isinstance(msgspec.json.decode(line), dict) for line in lines)


def _went_meanwhile(storage: Storage, chain: LogChain, finding: Finding) -> bool:
    """Tell whether a commit has removed a file, or a run is publishing it, while it was looked for."""
    if finding.kind not in {"missing", "unpublished"}:
        return False
    if finding.key in read_chain(storage, chain.source, after=chain.head).removed:
        return True
    folder, _, name = finding.key.rpartition("/")
    staged = f"{layout.TMP_PREFIX}/{layout.owner_folder(chain.source)}"
    there = {file.key for prefix in (folder, staged) for file in storage.list(prefix)}
    return finding.kind == "unpublished" and bool({finding.key, f"{staged}/{name}"} & there)


def _missing_schemas(storage: Storage, chain: LogChain, stream: str | None) -> Sequence[Finding]:
    there = {file.key for file in storage.list(f"_lake/schemas/{layout.owner_folder(chain.source)}")}
    keys = [layout.schema_key(chain.source, name, schema) for name, schema in sorted(chain.schemas)
            if stream in {None, name}]  # fmt: skip
    message = "the log names this schema document, and it is not there"
    return [Finding(kind="missing", key=key, message=message, source=chain.source) for key in keys if key not in there]
