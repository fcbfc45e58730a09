"""Files that stand in a lake become findings where the log says nothing of them, or their name something else."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from lake.findings import Finding, Kind
from lake.history import read_zone_owners
from lake.runs import RunRecord
from target_datalake import layout
from target_datalake.commit_log import read_sources
from target_datalake.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lake.log_chain import LogChain
    from target_datalake.storage import Storage, StoredFile

_Verdict: TypeAlias = tuple[Kind, str] | None
"""What is wrong with a file; None for nothing."""

_FOREIGN: Final = ("foreign", "nothing of ours writes this file: move it elsewhere")

_OWN_NAME = re.compile(r"\d{8,}-\d{2,}-[0-9a-f]{16}\.(parquet|jsonl\.gz)\Z")
"""How the target names its files: commit, file in the commit, commit id."""

_ID_DIGITS = 12
"""Digits of its sha256 that name a schema document."""

_ZONES = ("landing", *layout.ZONES)

_SHARED = frozenset({"rejected", "log", "schemas", "runs", "merge", "checkpoints"})
"""The folders under ``_lake`` that hold one folder a source, and one a dataset under ``@clean`` and ``@business``."""


def own_prefixes(source: str) -> list[str]:
    """Return the folders whose files all belong to one log's owner; the log is checked apart."""
    name = layout.owner_folder(source)
    return [layout.data_prefix(source), *(f"_lake/{folder}/{name}" for folder in sorted(_SHARED - {"log"}))]


def stranger_findings(
    storage: Storage, chain: LogChain, listed: Sequence[StoredFile], stream: str | None
) -> Iterator[Finding]:
    """Yield what is wrong with a source's files, their own bytes against the log's word apart.

    Args:
        storage: The lake.
        chain: The source's log, read after the files were listed.
        listed: The files under `own_prefixes`.
        stream: Look only at its files; None for those of all.
    """
    live = {file.key for file in chain.live}
    moving = {file.merge_key for file in chain.commits[-1].files} if chain.commits else set()
    for file in listed:
        if file.key in live or file.key in moving or not _concerns(file.key, stream):
            continue
        folder = file.key.removeprefix("_lake/").partition("/")[0]
        verdict = _CHECKS[folder](storage, chain, file.key)
        if verdict:
            yield Finding(kind=verdict[0], key=file.key, message=verdict[1], source=chain.source)


def unowned_findings(storage: Storage) -> list[Finding]:
    """Return the files that belong to no source, and are none of the lake's own."""
    owners = {*read_sources(storage), *map(layout.owner_folder, read_zone_owners(storage))}
    found = []
    for key in [file.key for prefix in (*_ZONES, "_lake") for file in storage.list(prefix)]:
        folder = key.removeprefix("_lake/").partition("/")[0]
        if _owner_of(key) in owners or folder in {"tmp", "lock", "runs", "schedule"}:
            continue
        verdict = _check_format_file(storage) if key == layout.FORMAT_KEY else _FOREIGN
        if folder == "schemas":  # of a run that ended before its first commit
            verdict = _check_schema(storage, None, key)
        if verdict:
            found.append(Finding(kind=verdict[0], key=key, message=verdict[1]))
    return found


def _owner_of(key: str) -> str:
    """Return the folder of the log's owner whom a file would belong to, by where it stands; empty for nobody."""
    if not key.startswith("_lake/"):
        zone, name, *_ = key.split("/")
        return name if zone == "landing" else f"@{zone}/{name}"
    folder, _, rest = key.removeprefix("_lake/").partition("/")
    depth = 2 if rest.startswith(tuple(f"@{zone}/" for zone in layout.ZONES)) else 1
    return "/".join(rest.split("/")[:depth]) if folder in _SHARED else ""


def _concerns(key: str, stream: str | None) -> bool:
    if stream is None:
        return True
    parts = key.removeprefix("_lake/").split("/")
    return parts[0] in {"landing", "rejected", "schemas"} and parts[2].partition("~")[0] == layout.encode_name(stream)


def _check_landed(_storage: Storage, chain: LogChain, key: str) -> _Verdict:
    if key in chain.removed:
        return "leftover", f"commit {chain.removed[key]} removed this file, and it is still there"
    if _OWN_NAME.search(key):
        return "orphan", "no commit names this file"
    return _FOREIGN


def _check_merge(_storage: Storage, chain: LogChain, key: str) -> _Verdict:
    """Files of a commit to come may belong to a command at work; older ones go when the next run begins."""
    if not _OWN_NAME.search(key):
        return _FOREIGN
    return None if layout.commit_of(key) > chain.head else ("leftover", "the next run removes this file")


def _check_schema(storage: Storage, _chain: LogChain | None, key: str) -> _Verdict:
    if key.endswith(f"/{hashlib.sha256(storage.read(key)).hexdigest()[:_ID_DIGITS]}.json"):
        return None
    return "changed", "its content is not that which its name stands for: restore it from a backup"


def _check_run(storage: Storage, chain: LogChain, key: str) -> _Verdict:
    name = key.rpartition("/")[2]
    try:
        data = storage.read(key)
        if name.endswith(".rejected.jsonl"):
            for line in data.splitlines():
                msgspec.json.decode(line)
            return None
        record = msgspec.json.decode(data, type=RunRecord)
    except NotFoundError:
        return None  # removed meanwhile
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "damaged", "it cannot be read: remove it, only what is shown of this run is lost"
    last = max(record.commits, default=0)
    if last > chain.head:
        return "log", f"this run wrote commit {last}, and the log ends with commit {chain.head}"
    return None if name == f"{record.run}.json" else ("changed", "it is the record of another run")


def _check_checkpoint(storage: Storage, chain: LogChain, key: str) -> _Verdict:
    name = key.rpartition("/")[2].removesuffix(".json.gz")
    try:
        entries = msgspec.json.decode(gzip.decompress(storage.read(key)), type=list[dict[str, object]])
    except (msgspec.DecodeError, UnicodeDecodeError, OSError, EOFError, zlib.error):
        return "damaged", "it cannot be read: remove it, reading the log only takes longer"
    known = {commit.n: commit.id for commit in chain.commits}
    if not entries or str(entries[-1].get("n")).zfill(len(name)) != name:
        return "changed", "it holds another stretch of the log: remove it"
    if any(known.get(entry.get("n")) != entry.get("id") for entry in entries):  # type: ignore[call-overload] # a JSON value
        return "log", "it holds entries that the log does not"
    return None


def _check_format_file(storage: Storage) -> _Verdict:
    data = storage.read(layout.FORMAT_KEY)
    known = [msgspec.json.encode({"layout": n}) + b"\n" for n in range(1, layout.FORMAT_VERSION + 1)]
    return None if data in known else ("changed", f"it should hold {known[-1].decode().strip()}")


_CHECKS: dict[str, Callable[[Storage, LogChain, str], _Verdict]] = {
    **dict.fromkeys(_ZONES, _check_landed),
    "rejected": _check_landed,
    "merge": _check_merge,
    "schemas": _check_schema,
    "runs": _check_run,
    "checkpoints": _check_checkpoint,
}
"""How a file of each folder is checked."""
