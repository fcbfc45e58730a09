"""Staged files become a commit: one entry of a source's log, put if absent, then published.

The order is the promise. Files are staged where no reader looks; the entry, which names them together with the STATE
they were read up to, is the commit point; only then do the files appear. A crash before the entry leaves nothing
but leftovers, a crash after it is mended by publishing the last entry again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_datalake import layout
from target_datalake.errors import ConfigError, HeldError, NotFoundError, StorageError
from target_datalake.storage import StagedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_datalake.storage import Storage


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

    def staged(self) -> StagedFile:
        """Return what storage needs to publish it."""
        return StagedFile(self.key, self.bytes, self.sha256, self.upload_id, self.parts)


class StreamCounts(msgspec.Struct, frozen=True):
    """What happened to a stream's records in one commit: received = landed + rejected."""

    received: int
    landed: int
    rejected: int


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
        remove: Keys that readers no longer see.
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


_decode = msgspec.json.Decoder(Commit).decode


class CommitLog:
    """The log of one source in one lake."""

    def __init__(self, storage: Storage, source: str) -> None:
        self.storage = storage
        self.source = source

    def head(self) -> Commit | None:
        """Return the last entry, or None when nothing was ever committed."""
        last = max((file.key for file in self.storage.list(layout.log_prefix(self.source))), default=None)
        return None if last is None else self._read_key(last)

    def read(self, n: int) -> Commit:
        """Return entry n. Raises NotFoundError."""
        return self._read_key(layout.log_key(self.source, n))

    def entries(self) -> Iterator[Commit]:
        """Yield every entry, oldest first."""
        for file in self.storage.list(layout.log_prefix(self.source)):
            yield self._read_key(file.key)

    def recover(self) -> Commit | None:
        """Finish what a crash interrupted, and return the head.

        The last entry is published again, which changes nothing when it was, and what dead runs staged is swept.
        Call it with the source's lock held.
        """
        head = self.head()
        if head is not None:
            self.publish(head)
        number = head.n if head else 0
        prefixes = (f"landing/{layout.encode_name(self.source)}", layout.rejected_prefix(self.source))
        self.storage.sweep(prefixes, lambda key: layout.commit_of(key) <= number)
        return head

    def append(self, commit: Commit) -> None:
        """Put an entry: the commit point. After a crash here it is there in full, or not at all.

        Raises:
            HeldError: Another writer's entry has this number.
        """
        key = layout.log_key(self.source, commit.n)
        if self.storage.put_if_absent(key, msgspec.json.encode(commit)):
            return
        if self._read_key(key).id != commit.id:  # the same id: our own entry, whose acknowledgement was lost
            raise HeldError(
                f"another run wrote commit {commit.n} of source {self.source!r} first",
                where=f"{self.storage.uri}/{key}",
                fix="let only one run write a source at a time, then run again: nothing is lost",
            )

    def publish(self, commit: Commit) -> None:
        """Make a commit's files appear. Interrupted, it leaves some of them unseen until the next `recover`."""
        for file in (*commit.rejected, *commit.add):
            try:
                self.storage.publish(file.staged())
            except NotFoundError as error:
                raise StorageError(
                    f"commit {commit.n} of source {self.source!r} names a file that is neither published nor staged",
                    where=f"{self.storage.uri}/{file.key}",
                    fix="someone removed it: restore it from a backup",
                ) from error

    def _read_key(self, key: str) -> Commit:
        try:
            return _decode(self.storage.read(key))
        except msgspec.DecodeError as error:
            raise StorageError(
                f"an entry of the log is damaged: {error}",
                where=f"{self.storage.uri}/{key}",
                fix="restore this file from a backup; nothing has been changed",
            ) from error


def read_sources(storage: Storage) -> list[str]:
    """Return the encoded names of the sources that have a log in this lake."""
    prefix = f"{layout.LOG_PREFIX}/"
    return sorted({file.key[len(prefix) :].partition("/")[0] for file in storage.list(layout.LOG_PREFIX)})


def check_format(storage: Storage, *, write: bool) -> None:
    """Check that this program knows the lake's layout, and write the layout's version into a new lake.

    Raises:
        ConfigError: A newer program wrote the lake.
    """
    try:
        version = msgspec.json.decode(storage.read(layout.FORMAT_KEY))["layout"]
    except NotFoundError:
        if write:
            storage.put(layout.FORMAT_KEY, msgspec.json.encode({"layout": layout.FORMAT_VERSION}) + b"\n")
        return
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise StorageError(
            "the lake's format file is damaged",
            where=f"{storage.uri}/{layout.FORMAT_KEY}",
            fix=f'it should hold {{"layout": {layout.FORMAT_VERSION}}}',
        ) from error
    if version > layout.FORMAT_VERSION:
        raise ConfigError(
            f"this lake has layout {version}, this program knows up to {layout.FORMAT_VERSION}",
            where=f"{storage.uri}/{layout.FORMAT_KEY}",
            fix="install a newer rest-datalake",
        )
