"""Turns a Content-Type header into the format and the charset of the body below it."""

from __future__ import annotations

import re

ACCEPT = {
    "json": "application/json",
    "jsonl": "application/x-ndjson, application/jsonl, application/json;q=0.5, */*;q=0.1",
    "csv": "text/csv, */*;q=0.1",
    "xml": "application/xml, text/xml, */*;q=0.1",
}
IN_PIECES = frozenset({"jsonl", "csv"})  # formats whose records can be read one after another
_FORMATS = {
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonl": "jsonl",
    "application/jsonlines": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/json-lines": "jsonl",
    "application/x-json-stream": "jsonl",
    "application/stream+json": "jsonl",
    "application/json-seq": "jsonl",  # RFC 7464: a record separator before each line
    "text/csv": "csv",
    "text/x-csv": "csv",
    "application/csv": "csv",
    "application/x-csv": "csv",
    "text/tab-separated-values": "csv",
    "application/xml": "xml",
    "text/xml": "xml",
}
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?(?P<name>[^\"';\s]+)", re.IGNORECASE)


def format_of(option: str, content_type: str) -> str:
    """Return the format of a body: as the option "format" says, or as the Content-Type does; in doubt JSON."""
    if option != "auto":
        return option
    essence = content_type.split(";", maxsplit=1)[0].strip().lower()
    if essence in _FORMATS:
        return _FORMATS[essence]
    return "xml" if essence.endswith("+xml") else "json"


def charset_of(content_type: str) -> str | None:
    """Return the charset that a Content-Type names, or None."""
    match = _CHARSET.search(content_type)
    return match["name"].lower() if match else None


def delimiter_of(content_type: str) -> str:
    """Return what stands between the fields of a row."""
    return "\t" if content_type.strip().lower().startswith("text/tab-separated-values") else ","
