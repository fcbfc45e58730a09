"""Turns one unit (a stream, or its part for one parent) into requests, and its pages into records to keep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from tap_rest_api.bookmark import Reading, take
from tap_rest_api.bounds import to_sync_scope
from tap_rest_api.columns import column_reader
from tap_rest_api.detect import detect_pagination
from tap_rest_api.errors import ConfigError, RecordsPathError
from tap_rest_api.log import LOGGER
from tap_rest_api.meter import METRIC_SECONDS
from tap_rest_api.pages import page_parser
from tap_rest_api.records import add_fields
from tap_rest_api.request import build_request, template_names
from tap_rest_api.rows import Rows
from tap_rest_api.shape import shape
from tap_rest_api.template import TemplateError, render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from tap_rest_api.ahead import Workers
    from tap_rest_api.allowance import Allowance
    from tap_rest_api.client import Client
    from tap_rest_api.columns import Columns
    from tap_rest_api.config import Config, Stream
    from tap_rest_api.json_body import Slice
    from tap_rest_api.pages import Page
    from tap_rest_api.paginate import Evidence, Position
    from tap_rest_api.transport import Request, Response
    from tap_rest_api.traversal import Pagination
    from tap_rest_api.verdict import Answer


@dataclass(frozen=True, slots=True)
class Source:
    """The API and what a run knows about it.

    Attributes:
        end: When the run began, RFC 3339: what `${sync.end}` stands for.
        allowance: What the run may still ask; None without a limit.
        most: How many requests at a time, whatever the streams say: a sample asks for no more than it needs.
        parsers: What finds the records of each stream.
        located: The streams that do not say where their records are, and whose place has been found.
        told: What has been logged already, and need not be again.
        metric_seconds: How often a stream's METRIC lines are logged while it is read, at most.
    """

    config: Config
    client: Client
    worker: Workers
    end: str
    allowance: Allowance | None = None
    most: int | None = None
    parsers: dict[str, Callable[[Response], Page]] = field(default_factory=dict)
    located: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    metric_seconds: float = METRIC_SECONDS

    def width_of(self, stream: Stream) -> int:
        """Return how many pages of a stream may be under way or wait."""
        return self.most or stream.concurrency

    def is_settled(self, stream: Stream) -> bool:
        """Tell whether it is known where a stream's records stand."""
        return stream.records is not None or stream.name in self.located


@dataclass(frozen=True, slots=True)
class Context:
    """The parent record, and the partition, for which a stream is read; empty for a stream without them.

    Attributes:
        values: What the request's `${parent.…}` stand for.
        kept: The fields that the parent gives to every record.
        identity: Whose bookmark it is: the parent's primary key, and the partition's. None without them.
        partition: What `${partition.…}` stand for.
        is_single: One parent at most; else a batch of them, which has no bookmark of its own.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] | None = None
    partition: Mapping[str, Any] = field(default_factory=dict)
    is_single: bool = True

    @property
    def scope(self) -> dict[str, Mapping[str, Any]]:
        """What the templates of a request stand for here, by group."""
        return {"parent": self.values, "partition": self.partition}


@dataclass(frozen=True, slots=True)
class Unit:
    """What stays the same over all pages of one unit; see `open_unit`. `added` are the fields given to every record."""

    source: Source
    stream: Stream
    context: Context
    added: Mapping[str, Any]
    columns_of: Callable[[Sequence[Slice]], Columns]
    keys_of: Callable[[Sequence[Slice]], Columns]

    def request(self, pagination: Pagination, position: Position, reading: Reading) -> Request:
        """Build the request for a page."""
        scope = {**self.context.scope, "sync": to_sync_scope(reading, self.source.end)}
        return build_request(self.source.config, self.stream, pagination, position, scope)

    def ask(self, request: Request, position: Position) -> Future[Answer[Page]]:
        """Queue the request for a page.

        Raises:
            SpentError: The run may ask no more.
        """
        if self.source.allowance is not None:
            self.source.allowance.take()
        parse_page = self._parser()

        def parse(response: Response) -> Page:
            try:
                return parse_page(response)
            except RecordsPathError as error:
                raise self._misplaced(error, position) from None

        return self.source.worker.submit(lambda: self.source.client.fetch(request, self.stream, parse))

    def _parser(self) -> Callable[[Response], Page]:
        """Return the stream's parser; `settle` replaces it once the place of the records is found."""
        name, pagination = self.stream.name, self.stream.pagination
        if name not in self.source.parsers:
            paths = [path for path in (pagination.next, pagination.more, pagination.total) if path is not None]
            self.source.parsers[name] = page_parser(
                self.stream.records, None if pagination.type == "auto" else paths, self.stream.format
            )
        return self.source.parsers[name]

    def _misplaced(self, error: RecordsPathError, position: Position) -> RecordsPathError:
        message = f'stream "{self.stream.name}": page {position.index + 1} {error.message}'
        return RecordsPathError(message, where=f"{self.stream.where}/records", fix=error.fix)

    def settle(self, pagination: Pagination, page: Page, evidence: Evidence) -> Pagination:
        """Find out, on a first page, what the configuration leaves open; say it once."""
        name = self.stream.name
        if self.stream.records is None and page.records and name not in self.source.located:
            self.source.located.add(name)
            if page.path is not None:
                self.source.parsers[name] = page_parser(page.path, form=self.stream.format)
            place = "the body itself" if page.path is None else f'at "{page.path}"'
            self.tell(f"{name}: the records are {place}")
        if pagination.type != "auto":
            return pagination
        found = detect_pagination(pagination, self.stream.params, template_names(self.stream, "page"), evidence)
        self.tell(f"{name}: pagination found: {found.what}")
        if found.looks_cut:
            LOGGER.warning(
                '%s: %d records and no next page found: set "pagination" if there are more', name, evidence.count
            )
        return found.pagination

    def tell(self, message: str) -> None:
        """Log what need be said only once a run."""
        if message not in self.source.told:
            self.source.told.add(message)
            LOGGER.info("%s", message)

    def warn(self, message: str) -> None:
        """Warn of what need be said only once a run."""
        if message not in self.source.told:
            self.source.told.add(message)
            LOGGER.warning("%s", message)

    def take(self, reading: Reading, page: Page, position: Position) -> tuple[Reading, Sequence[Slice], Rows | None]:
        """Shape the records, leave out those that were emitted before, and put into the rest what they are given.

        Returns:
            How far the reading has come, the records to emit, and the page's rows if they can be told apart.
        """
        try:
            shaped = shape(page.records, self.stream)
            columns = self.columns_of(shaped)
        except RecordsPathError as error:
            raise self._misplaced(error, position) from None
        self._check_added(columns)
        values = columns[reading.replication.key] if reading.replication else ()
        key_of = self._key_of(shaped) if self.stream.primary_key else None
        reading, keep = take(reading, values, key_of)
        records = shaped if keep is None else [shaped[index] for index in keep]
        records = add_fields(records, self.added) if self.added else records
        return reading, records, Rows(values, key_of) if reading.replication and key_of else None

    def tell_apart(self, records: Sequence[Slice]) -> bytes:
        """Return what tells a page's records from those of any other: three primary keys, if they differ.

        The replication key's values stand beside them: a record that changed comes again, and is no repetition.
        """
        if not self.stream.primary_key or not records:
            return b"\n".join(records)
        shown = [records[0], records[len(records) // 2], records[-1]]
        try:
            columns, moments = self.keys_of(shown), self._moments_of(shown)
        except RecordsPathError:  # it is worded where the records are taken
            columns, moments = {}, []
        own = [values for values in columns.values() if UNSET not in values]
        keys = [repr(key).encode() for key in zip(*own, strict=True)]
        is_key = bool(keys) and (len(records) == 1 or keys[0] != keys[-1])
        return b"\n".join([*keys, *moments] if is_key else shown)

    def _moments_of(self, records: Sequence[Slice]) -> list[bytes]:
        if self.stream.replication is None:
            return []
        return [repr(value).encode() for value in self.columns_of(records)[self.stream.replication.key]]

    def _key_of(self, records: Sequence[Slice]) -> Callable[[int], tuple[Any, ...]]:
        """Return what reads one record's primary key, which is needed only where a bookmark's value is met."""

        def key_of(index: int) -> tuple[Any, ...]:
            own = {name: values[0] for name, values in self.keys_of([records[index]]).items()}
            found = {**own, **self.added}
            return tuple(_to_scalar(found[name]) for name in self.stream.primary_key)

        return key_of

    def _check_added(self, columns: Columns) -> None:
        """A field that a record is given must not be its own too."""
        for name in self.added:
            if any(item is not UNSET for item in columns[name]):
                is_kept = name in self.context.kept
                raise ConfigError(
                    f'stream "{self.stream.name}": its records have a field "{name}" of their own',
                    where=f"{self.stream.where}/{'parent/keep' if is_kept else 'add'}",
                    fix="keep the parent's field under another name." if is_kept else "add it under another name.",
                )


def _to_scalar(value: Any) -> Any:
    """Return a key's part as it can stand in a state: an object or array, which no key should have, as its text."""
    if value is UNSET:
        return None
    return repr(value) if isinstance(value, (dict, list)) else value


def open_unit(source: Source, stream: Stream, context: Context) -> Unit:
    """Make ready what the unit's pages are read with."""
    stream = stream if stream.auth_of is None else replace(stream, auth=stream.auth_of(context.partition))
    scope = {**context.scope, "sync": {"end": source.end}}
    try:
        added = {**context.kept, **render(stream.add, scope)}
    except TemplateError as error:
        raise ConfigError(str(error), where=f"{stream.where}/add", fix=error.fix) from None
    fields = [*added, *([stream.replication.key] if stream.replication else [])]
    return Unit(source, stream, context, added, column_reader(fields), column_reader(stream.primary_key))
