"""An entry of a source's log, and the entries that may follow it: values, written and read by `CommitLog`.

A run's commit adds files and moves the STATE on. Any other writer (a maintenance command, a rewind, a recovery) makes
its entry with `follow` or `undo`, so that what it does not mean to change is carried over.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.storage import StagedFile

if TYPE_CHECKING:
    from collections.abc import Iterable


class DataFile(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=False):
    """A Parquet file, or a file of rejected records, that a commit added.

    Attributes:
        key: Where it stands.
        stream: Whose rows it holds.
        rows: How many.
        bytes: Its size.
        sha256: Its digest.
        schema: The id of the schema document its columns follow.
        version: The table version all its rows carry; None where the tap sent none.
        upload_id: On S3 the upload that held it; needed to publish it again after a crash.
        parts: The ETags of that upload's parts.
        merge_key: Where its bytes stand, complete and outside every dataset, until it is published: only for files
            that take the place of others, see `layout.merge_key`. Empty for a file that was staged.
        spans: Of a file that took the place of others, from its first row to its last: the commit that rows landed
            with, and how many. Empty where all landed with the commit that added it.
    """

    key: str
    stream: str
    rows: int
    bytes: int
    sha256: str
    schema: str
    version: int | None = None
    upload_id: str = ""
    parts: tuple[str, ...] = ()
    merge_key: str = ""
    spans: tuple[tuple[int, int], ...] = ()

    def staged(self) -> StagedFile:
        """Return what storage needs to publish it."""
        return StagedFile(self.key, self.bytes, self.sha256, self.upload_id, self.parts)


class Erased(msgspec.Struct, frozen=True):
    """How much of a stream a commit erased for good; never what.

    Attributes:
        rows: Rows of data files, of every version.
        rejected: Rejected records, samples of refused runs included.
        undecided: Rejected records that nobody could tell about; they stayed.
    """

    rows: int
    rejected: int
    undecided: int


class StreamCounts(msgspec.Struct, frozen=True):
    """What happened to a stream's records in one commit: received = landed + rejected."""

    received: int
    landed: int
    rejected: int


class BuildInput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a build read of one dataset.

    Attributes:
        name: The dataset's full name.
        commit: The number of the last commit it was read up to; 0 before its first.
        id: That commit's id.
        schema: The digest of the columns it was read under.
        rows: The digest of which commits its rows landed with, and how many with each.
    """

    name: str
    commit: int
    id: str
    schema: str
    rows: str


class Build(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a version of a dataset was made.

    Attributes:
        definition: The sha256 of the text that defines the dataset.
        engine: What ran it.
        inputs: What it read.
        merged: Whether only new rows were read, and merged into the version before.
    """

    definition: str
    engine: str
    inputs: tuple[BuildInput, ...] = ()
    merged: bool = False


class ActiveVersion(msgspec.Struct, frozen=True):
    """The table version readers show of a stream, and the commit that activated it."""

    version: int
    commit: int


class Commit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a source's log.

    Attributes:
        n: Its number, from 1.
        id: Sixteen random hex digits, by which a writer knows its own entry again.
        parent: The id of entry n - 1; empty for the first.
        source: Whose log this is.
        run: The run that wrote it.
        committed_at: RFC 3339, UTC.
        state: The STATE's value as the tap wrote it, or the parent's if none came since; None before the first.
        streams: What happened to the records of this commit.
        schemas: The schema id in force of every stream seen so far, not only this commit's.
        versions: The active version of every stream that ever activated one.
        add: The data files of this commit.
        rejected: Its files of rejected records.
        remove: Keys that readers no longer see, and that publishing deletes before any new file appears.
        void: The first of the entries that this one undoes, up to its own parent: they count as never written, and
            state, schemas and versions are again those of the entry before them. 0: none.
        purpose: What wrote it: ``run``, ``void``, ``rewind``, ``state``, or the name of a maintenance command.
        erased: How much of a stream it erased for good.
        dropped: The streams that are no longer in the lake; one of the same name that lands later is a new one.
        build: How the version was made that it adds to a dataset of a zone.
    """

    n: int
    id: str
    parent: str
    source: str
    run: str
    committed_at: str
    state: str | None
    streams: dict[str, StreamCounts]
    schemas: dict[str, str]
    versions: dict[str, ActiveVersion] = {}
    add: tuple[DataFile, ...] = ()
    rejected: tuple[DataFile, ...] = ()
    remove: tuple[str, ...] = ()
    void: int = 0
    purpose: str = "run"
    erased: dict[str, Erased] = {}
    dropped: tuple[str, ...] = ()
    build: Build | None = None

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Return the files it added, those of rejected records first: the order in which they are published."""
        return (*self.rejected, *self.add)


_decode = msgspec.json.Decoder(Commit).decode

_CHECKED = re.compile(rb'(.*),"check":"([0-9a-f]{64})"\}\Z', re.DOTALL)


def encode_commit(commit: Commit) -> bytes:
    """Return an entry as the log holds it: a JSON object whose last member, ``check``, is the sha256 of the others.

    That is the digest of the object's text without that member: a flipped bit anywhere in an entry shows.
    """
    body = msgspec.json.encode(commit)
    return b'%s,"check":"%s"}' % (body[:-1], hashlib.sha256(body).hexdigest().encode())


def decode_commit(data: bytes) -> Commit:
    """Return the entry that `encode_commit` wrote.

    Raises:
        msgspec.DecodeError: It is damaged.
    """
    checked = _CHECKED.match(data)
    if checked and hashlib.sha256(checked[1] + b"}").hexdigest().encode() != checked[2]:
        raise msgspec.DecodeError("its checksum is not that of its content")
    try:
        commit = _decode(data)
    except UnicodeDecodeError as error:  # of msgspec's errors the only one that is none of its own kind
        raise msgspec.DecodeError("it is not UTF-8") from error
    if not checked and msgspec.json.encode(commit) != data:  # as it was written before there were checksums
        raise msgspec.DecodeError("it has no checksum")
    return commit


def new_commit_id() -> str:
    """Return an id that no other entry has."""
    return secrets.token_hex(8)


def format_time(now_us: int) -> str:
    """Return microseconds since 1970, UTC, as `Commit.committed_at` has them."""
    return datetime.fromtimestamp(now_us / 1e6, UTC).isoformat(timespec="milliseconds")


def follow(head: Commit | None, source: str, *, now_us: int, **changes: Any) -> Commit:
    """Return the entry after a head that changes nothing but what `changes` say.

    This is how a maintenance commit begins. It is written with the source's lock held, in this order::

        lock = storage.lock(layout.lock_key(source))  # None on S3, where the conditional put decides
        head = log.recover()
        ...  # stage new files for commit head.n + 1: see below
        commit = follow(head, source, now_us=..., run=..., purpose="compact", add=(...), remove=(...))
        log.append(commit)  # the commit point; HeldError: another writer was first, so withdraw
        log.publish(commit)  # deletes `remove`, then makes `add` appear

    Files that take the place of others must not be staged, since the store may drop what is staged when the others are
    gone already: write them whole with ``storage.put`` under `layout.merge_key`, and name that in `DataFile.merge_key`.
    A crash before `append` leaves them to be swept, one after it is finished by the next `recover`.
    """
    before = {
        "state": head.state if head else None,
        "schemas": dict(head.schemas) if head else {},
        "versions": dict(head.versions) if head else {},
    }
    return Commit(
        n=head.n + 1 if head else 1,
        id=changes.pop("id", None) or new_commit_id(),
        parent=head.id if head else "",
        source=source,
        run=changes.pop("run", ""),
        committed_at=format_time(now_us),
        streams=changes.pop("streams", {}),
        **{**before, **changes},
    )


def undo(head: Commit, undone: Iterable[Commit], before: Commit | None, *, now_us: int, **changes: Any) -> Commit:
    """Return the entry that puts a log back to where it was, as if some entries had never been written.

    Args:
        head: The log's last entry.
        undone: The entries to undo, oldest first, `head` the last of them.
        before: The entry before the first of them; None when that is the log's first.
        now_us: Microseconds since 1970, UTC.
        changes: What else the entry says: ``run``, ``purpose``.
    """
    entries = list(undone)
    removed = {key for commit in entries for key in commit.remove}
    keys = [file.key for commit in entries for file in commit.files if file.key not in removed]
    return follow(
        head,
        head.source,
        now_us=now_us,
        state=before.state if before else None,
        schemas=before.schemas if before else {},
        versions=before.versions if before else {},
        remove=tuple(keys),
        void=entries[0].void or entries[0].n,
        **changes,
    )
