"""Rejected records become lines of a gzipped JSON Lines file, staged and committed like data.

A line holds: ``stream``, ``reason``, ``errors`` (each with ``path``, ``schema_path``, ``message``), ``raw`` (the
record's own text; ``raw_base64`` when it is not UTF-8; ``sha256`` and ``bytes`` of the whole message when that is too
long to be kept), ``schema`` (the id of the schema document), ``run``, ``commit``, ``line`` (its number in the run's
input). Its ``_sdc_sequence`` would have been ``commit << 32 | line``.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.commits import DataFile
from target_datalake.errors import RejectedError
from target_datalake.lines import Fingerprint

if TYPE_CHECKING:
    from target_datalake.commits import StreamCounts
    from target_datalake.config import Config
    from target_datalake.rows import Reject
    from target_datalake.storage import StagedWriter

MIN_REJECTS = 20
"""Below so many rejects in a stream and run no fraction is too high."""

_encode_into = msgspec.json.Encoder().encode_into

SAMPLE_LINES = 100
"""How many rejects of a refused commit are kept with the run."""

SAMPLE_BYTES = 1 << 20
"""Their size together; one that does not fit is kept without its text."""


@dataclass(frozen=True)
class Origin:
    """Where a reject comes from: what every line of one file shares."""

    run: str
    commit: int
    schema: str


class RejectsFile:
    """A file of rejected records of one stream, being staged; a crash leaves nothing that a reader sees."""

    def __init__(self, stream: str, writer: StagedWriter) -> None:
        self._stream = stream
        self._writer = writer
        self._gzip = gzip.GzipFile(fileobj=_as_file(writer), mode="wb", compresslevel=6, mtime=0)
        self.rows = 0
        self.schema = ""
        self.sample: list[bytes | bytearray] = []
        self._sample_bytes = 0

    def write(self, rejects: list[Reject], origin: Origin) -> None:
        """Append a line for each reject."""
        for reject in rejects:
            line = encode_reject(reject, origin)
            self._gzip.write(line)
            if len(self.sample) < SAMPLE_LINES:
                self._keep(line, reject, origin)
        self.rows += len(rejects)
        self.schema = origin.schema

    def _keep(self, line: bytearray, reject: Reject, origin: Origin) -> None:
        """Take a line into the sample, without its text if that is large."""
        if self._sample_bytes + len(line) > SAMPLE_BYTES:
            size, digest = len(reject.raw), hashlib.sha256(reject.raw).hexdigest()
            short = reject.fingerprint or Fingerprint(size, digest)
            line = encode_reject(replace(reject, raw=b"", fingerprint=short), origin)
        self.sample.append(line)
        self._sample_bytes += len(line)

    def finish(self) -> DataFile:
        """Make the file durable."""
        self._gzip.close()
        staged = self._writer.finish()
        return DataFile(
            key=staged.key,
            stream=self._stream,
            rows=self.rows,
            bytes=staged.bytes,
            sha256=staged.sha256,
            schema=self.schema,
            upload_id=staged.upload_id,
            parts=staged.parts,
        )

    def abort(self) -> None:
        """Throw the file away."""
        self._writer.abort()


def encode_reject(reject: Reject, origin: Origin) -> bytearray:
    """Return one line of a rejected-records file, with its newline."""
    line: dict[str, Any] = {
        "stream": reject.stream,
        "reason": reject.reason,
        "errors": [
            {"path": error.path, "schema_path": error.schema_path, "message": error.message} for error in reject.errors
        ],
        **_raw(reject),
        "schema": origin.schema,
        "run": origin.run,
        "commit": origin.commit,
        "line": reject.line,
    }
    if reject.version is not None:
        line["version"] = reject.version
    if reject.time_extracted is not None:
        line["time_extracted"] = reject.time_extracted
    encoded = bytearray()
    _encode_into(line, encoded)
    encoded += b"\n"  # in place: a record may have 16 MB
    return encoded


def check_limit(stream: str, counts: StreamCounts, config: Config) -> None:
    """Refuse to go on when too many of a stream's records were rejected in this run.

    Raises:
        RejectedError: One was and `on_invalid` is "fail"; or their share, from 20 rejects on, is above the limit.
    """
    if counts.rejected and config.on_invalid == "fail":
        raise RejectedError(
            f"stream {stream!r}: {counts.rejected} of {counts.received} records break their schema",
            where='target config, on_invalid: "fail"',
            fix="the sample kept with the run shows why: mend the schema or the source",
        )
    limit = config.max_rejected_fraction
    if counts.rejected >= MIN_REJECTS and counts.rejected > limit * counts.received:
        raise RejectedError(
            f"stream {stream!r}: {counts.rejected} of {counts.received} records break their schema, "
            f"more than {limit:.1%}",
            where="target config, max_rejected_fraction",
            fix="the sample kept with the run shows why: mend the schema or the source, or raise the limit",
        )


def _raw(reject: Reject) -> dict[str, Any]:
    if reject.fingerprint is not None:
        return {"sha256": reject.fingerprint.sha256, "bytes": reject.fingerprint.bytes}
    try:
        return {"raw": reject.raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(reject.raw).decode("ascii")}


def _as_file(writer: StagedWriter) -> Any:
    return writer  # gzip asks only for write()
