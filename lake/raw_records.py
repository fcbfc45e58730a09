"""Lines of rejected records become verdicts of a predicate: true for the record, not true, or nobody can tell."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from target_datalake.arrow_schema import METADATA_FIELDS, RAW_FIELD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.judge import Judge


def split_lines(data: bytes, *, gzipped: bool) -> list[bytes]:
    """Return the lines of a file of rejected records, each with its newline."""
    text = gzip.decompress(data) if gzipped else data
    return text.splitlines(keepends=True)


def decide(lines: Sequence[bytes], stream: str, judge: Judge) -> list[bool | None]:
    """Return for each line whether the predicate is true for its record; None where nobody can tell.

    A record is judged by its own text: each member by its column's type, as far as that can hold it; undeclared ones
    are in `_sdc_extra`, as they are of a row. Lines of other streams are never meant.
    """
    parsed = [json.loads(line) for line in lines]
    records = [_parse_record(line) for line in parsed]
    names = judge.columns.names
    pairs = list(zip(records, parsed, strict=True))
    texts = pa.table({name: pa.array([_cell(*pair, name, names) for pair in pairs], pa.string()) for name in names})
    matched, lost = (mask.to_pylist() for mask in judge.matches_texts(texts, "a rejected record"))
    verdicts: list[bool | None] = []
    for (record, line), is_match, is_lost in zip(pairs, matched, lost, strict=True):
        if line.get("stream") != stream:
            verdicts.append(False)
        elif is_match:
            verdicts.append(True)
        else:
            verdicts.append(None if is_lost or record is None or "raw" not in line else False)
    return verdicts


def _parse_record(line: dict[str, Any]) -> dict[str, Any] | None:
    """Return a line's record as far as it can be read; None if it is no object."""
    raw = line.get("raw")
    if raw is None and "raw_base64" in line:
        raw = base64.b64decode(line["raw_base64"]).decode("utf-8", "replace")
    try:
        record = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _cell(record: dict[str, Any] | None, line: dict[str, Any], name: str, columns: Sequence[str]) -> str | None:
    if name == RAW_FIELD.name:
        return line.get("raw")
    if record is None:
        return None
    if name == "_sdc_extra":
        extra = {
            f"/{key.replace('~', '~0').replace('/', '~1')}": value
            for key, value in record.items()
            if key not in columns
        }
        return _to_text(extra) if extra else None
    if name in METADATA_FIELDS.names:
        return None
    return _to_text(record.get(name))


def _to_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode("utf-8")
