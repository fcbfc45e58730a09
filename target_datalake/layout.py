"""Names of sources, streams, datasets and commits become the keys of a lake's files.

A log belongs to a source, or to a dataset of a zone above the landing zone; such an owner goes by ``@clean/<dataset>``
wherever a source's name is asked for. A source cannot have such a name.

Only committed Parquet ever stands under ``landing/``: some engines read ``_x/``, ``.x/`` and ``*.tmp`` alike, so
nothing can be hidden there by its name. Everything else lives under ``_lake/``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from target_datalake.errors import ConfigError

if TYPE_CHECKING:
    from datetime import date

FORMAT_VERSION = 1
"""The version of this layout. A newer one is refused, an older one is read."""

FORMAT_KEY = "_lake/format.json"
LOG_PREFIX = "_lake/log"
TMP_PREFIX = "_lake/tmp"
LOCK_PREFIX = "_lake/lock"
MERGE_PREFIX = "_lake/merge"
CHECKPOINT_PREFIX = "_lake/checkpoints"

ZONES = ("clean", "business")
"""The zones above the landing zone, nearest first."""

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_MAX_NAME_BYTES = 200
_MAX_VALUE_BYTES = 161
_KEPT_CHARACTERS = 8
"""Whole ones, since DuckDB decodes what stands before the digest."""

MAX_FOLDER_BYTES = 255

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def encode_name(name: str) -> str:
    """Return the one folder name of a source or stream.

    Injective: bytes outside ``A-Z a-z 0-9 _ - .`` become ``%XX``, and so does a leading ``_`` or ``.``, which Spark
    would hide. ``~`` is encoded too, since it numbers a stream's generations.

    Raises:
        ConfigError: The name is empty, or longer than file systems take.
    """
    encoded = _percent(name.encode("utf-8", "surrogatepass"))
    if not encoded or len(encoded) > _MAX_NAME_BYTES:
        raise ConfigError(
            f"the name {name[:40]!r} cannot name a folder: it has {len(encoded)} bytes once encoded",
            fix=f"use a name of 1 to {_MAX_NAME_BYTES} letters, digits, _ and -",
        )
    return encoded


def zone_owner(zone: str, dataset: str) -> str:
    """Return what the owner of a dataset's log goes by where a source's name is asked for."""
    return f"@{zone}/{dataset}"


def split_owner(source: str) -> tuple[str, str]:
    """Return the zone and the dataset of what `zone_owner` gave; of a source's name ``landing`` and itself."""
    zone, slash, dataset = source.partition("/")
    return (zone[1:], dataset) if slash and zone[:1] == "@" and zone[1:] in ZONES else ("landing", source)


def full_name(source: str, stream: str) -> str:
    """Return what a dataset goes by in a catalog of all zones."""
    zone, _ = split_owner(source)
    return f"landing.{source}.{stream}" if zone == "landing" else f"{zone}.{stream}"


def owner_folder(source: str) -> str:
    """Return the folder, in two parts for a dataset of a zone, of what belongs to one log. Raises ConfigError."""
    zone, name = split_owner(source)
    return encode_name(name) if zone == "landing" else f"@{zone}/{encode_name(name)}"


def data_prefix(source: str) -> str:
    """Return the folder of all data files of a source, or of a dataset of a zone."""
    zone, name = split_owner(source)
    return f"{zone}/{encode_name(name)}"


def version_prefix(source: str, version: int) -> str:
    """Return the folder of one version of a dataset of a zone; versions are numbered by their commits."""
    return f"{data_prefix(source)}/v{version:08d}"


def _percent(data: bytes) -> str:
    return "".join(
        chr(byte) if byte in _PLAIN and not (index == 0 and byte in b"_.") else f"%{byte:02X}"
        for index, byte in enumerate(data)
    )


def stream_prefix(source: str, stream: str, generation: int = 1) -> str:
    """Return the folder of one generation of a stream in the landing zone."""
    suffix = "" if generation == 1 else f"~{generation}"
    return f"landing/{encode_name(source)}/{encode_name(stream)}{suffix}"


def file_name(commit: int, index: int, commit_id: str) -> str:
    """Return a file's name without its ending: commit, file in the commit, commit id. Never a clock."""
    return f"{commit:08d}-{index:02d}-{commit_id}"


def commit_of(key: str) -> int:
    """Return the number of the commit that the file of this key was staged for."""
    return int(key.rpartition("/")[2].partition("-")[0])


def commit_id_of(key: str) -> str:
    """Return the id of the commit that the file of this key was staged for."""
    return key.rpartition("/")[2].partition(".")[0].rpartition("-")[2]


def data_key(prefix: str, load_date: date, name: str, partition: str = "") -> str:
    """Return the key of a data file; the load date is the UTC date on which its staging began.

    Args:
        prefix: What `stream_prefix` gives.
        load_date: The UTC date on which staging began.
        name: What `file_name` gives.
        partition: The folders of its data partition, as ``by_country=DE``; empty for a stream without.
    """
    folder = f"{prefix}/load_date={load_date.isoformat()}"
    return f"{folder}/{partition}/{name}.parquet" if partition else f"{folder}/{name}.parquet"


def partition_folder(column: str, value: str | None) -> str:
    """Return the folder of the rows that have one value in a column: `by_country=DE`.

    Injective in the value: bytes become ``%XX`` as in `encode_name`, null becomes ``~null``, and a text too long for a
    folder ends in ``~`` and its sha256, since no other text has a ``~`` once encoded. Hive's word for null never stands
    in a folder: pandas fails where one partition of many is null.
    """
    if value is None:
        return f"by_{encode_name(column)}=~null"
    data = value.encode("utf-8", "surrogatepass")
    encoded = _percent(data)
    if len(encoded) > _MAX_VALUE_BYTES or value == _HIVE_NULL:
        kept = value[:_KEPT_CHARACTERS].encode("utf-8", "surrogatepass")
        encoded = f"{_percent(kept)}~{hashlib.sha256(data).hexdigest()}"
    return f"by_{encode_name(column)}={encoded}"


def rejected_prefix(source: str) -> str:
    """Return the folder of a source's rejected records."""
    return f"_lake/rejected/{owner_folder(source)}"


def rejected_key(source: str, stream: str, name: str) -> str:
    """Return the key of a file of rejected records."""
    return f"{rejected_prefix(source)}/{encode_name(stream)}/{name}.jsonl.gz"


def merge_prefix(source: str) -> str:
    """Return the folder of files that are to take the place of others, complete but not yet published."""
    return f"{MERGE_PREFIX}/{owner_folder(source)}"


def merge_key(source: str, name: str) -> str:
    """Return where a file stands whole until its commit is published; `name` begins as `file_name` says."""
    return f"{merge_prefix(source)}/{name}"


def log_prefix(source: str) -> str:
    """Return the folder of a source's commit log."""
    return f"{LOG_PREFIX}/{owner_folder(source)}"


def log_key(source: str, commit: int) -> str:
    """Return the key of one entry of a source's commit log; entries count from 1."""
    return f"{log_prefix(source)}/{commit:020d}.json"


def checkpoint_prefix(source: str) -> str:
    """Return the folder of a source's checkpoints: stretches of its log, which only save time."""
    return f"{CHECKPOINT_PREFIX}/{owner_folder(source)}"


def checkpoint_key(source: str, last: int) -> str:
    """Return the key of the checkpoint that ends with an entry."""
    return f"{checkpoint_prefix(source)}/{last:020d}.json.gz"


def schema_prefix(source: str, stream: str) -> str:
    """Return the folder of a stream's schema documents."""
    return f"_lake/schemas/{owner_folder(source)}/{encode_name(stream)}"


def schema_key(source: str, stream: str, schema_id: str) -> str:
    """Return the key of a stream's schema document, named by its own content."""
    return f"{schema_prefix(source, stream)}/{schema_id}.json"


def runs_prefix(source: str) -> str:
    """Return the folder of a source's run records."""
    return f"_lake/runs/{owner_folder(source)}"


def lock_key(source: str) -> str:
    """Return the key of the file that a local run locks."""
    return f"{LOCK_PREFIX}/{owner_folder(source)}.lock"
