"""Turns a merged stream's options into how it is walked: by which pages, from where on, and for whose records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_rest_api.instants import is_number, parse_duration, parse_instant
from tap_rest_api.keys import KeyForm
from tap_rest_api.template import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

SHIFTING = ("page", "offset", "link")  # pages whose edges move when a row before them does


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where the next page is, and which page is the last."""

    type: str = "auto"
    param: str | None = None
    start: int | None = None
    size: int | None = None
    size_param: str | None = None
    next: str | None = None
    more: str | None = None
    total: str | None = None
    stop: str = "empty"
    max_pages: int | None = None


@dataclass(frozen=True, slots=True)
class Replication:
    """How a stream reads only what is new.

    Attributes:
        filter: Who leaves old records out: "server" if the request names `${sync.start}`, else "client".
        start: Where the first run begins, in the key's own form; None reads everything.
        lookback: How far behind the bookmark to read again: a timedelta for dates, a number for numbers.
        form: How the key's values are written.
        window: How long a slice of time is read in one go; None for all of it.
        delay: How far to stay behind the clock.
        end: Where to stop for good, the first instant that is not wanted.
        bounds: Whether the API counts its own bounds in, as intervals are written.
        granularity: The tick of the API's bounds.
        missing: What becomes of a record without a value: "emit", "skip" or "fail".
        reanchor: Whether pages are asked for anew from the last keys on; None where that is of use.
    """

    key: str
    sorted: str | bool = False
    filter: str = "client"
    start: Any = None
    lookback: timedelta | int | None = None
    form: KeyForm = field(default_factory=KeyForm)
    state: str = "auto"
    window: timedelta | None = None
    delay: timedelta | None = None
    end: datetime | None = None
    bounds: str = "[)"
    granularity: timedelta | None = None
    missing: str = "emit"
    reanchor: bool | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """Whose records a child stream is read for.

    Attributes:
        keep: Maps a child's field to a path in the parent.
        where: A JMESPath; only parents for which it is true are read.
        batch: How many parents one request asks for; None for one at a time, each with its own values.
        read: "changed" reads only the parents that are new or changed, if the parent has a bookmark; "all" reads all.
    """

    stream: str
    keep: Mapping[str, str]
    where: str | None = None
    batch: int | None = None
    read: str = "changed"


def to_pagination(raw: Mapping[str, Any]) -> Pagination:
    """Give page and offset their usual parameter, unless the request says itself where they go."""
    pagination = Pagination(**raw.get("pagination", {}))
    template = {"page": "number", "offset": "offset"}.get(pagination.type)
    if template is None or pagination.param is not None or template in names_of("page", raw):
        return pagination
    return replace(pagination, param=pagination.type)


def to_parent(raw: str | Mapping[str, Any] | None) -> Parent | None:
    """Read the option "parent", written short or long."""
    if raw is None:
        return None
    if isinstance(raw, str):
        return Parent(raw, {})
    return Parent(raw["stream"], raw.get("keep", {}), raw.get("where"), raw.get("batch"), raw.get("read", "changed"))


def to_partitions(raw: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> tuple[Mapping[str, Any], ...]:
    """Read the option "partitions": a list of objects, or an object of lists, which stands for their product."""
    if isinstance(raw, Mapping):
        return tuple(dict(zip(raw, values, strict=True)) for values in product(*raw.values()))
    return tuple(raw)


def to_replication(raw: Mapping[str, Any], start_date: str | None, end_date: str | None = None) -> Replication | None:
    """Read the option "replication"; a stream without it is a full table."""
    options = raw.get("replication")
    if options is None:
        return None
    lookback = options.get("lookback")
    formats = options.get("format", "iso")
    zone = ZoneInfo(options["timezone"]) if "timezone" in options else None
    form = KeyForm((formats,) if isinstance(formats, str) else tuple(formats), zone)
    start = options.get("start", start_date)
    is_numeric = form.is_plain and is_number(start)  # then no date is an end of it
    return Replication(
        key=options["key"],
        sorted=options.get("sorted", False),
        filter=options.get("filter") or ("server" if "start" in names_of("sync", raw) else "client"),
        start=_to_start(start, form),
        lookback=parse_duration(lookback) if isinstance(lookback, str) else lookback,
        form=form,
        state=options.get("state", "auto"),
        window=_to_duration(options.get("window")),
        delay=_to_duration(options.get("delay")),
        end=parse_instant(end_date) if end_date and not is_numeric else None,
        bounds=options.get("bounds", "[)"),
        granularity=_to_duration(options.get("granularity")),
        missing=options.get("missing", "emit"),
        reanchor=options.get("reanchor"),
    )


def _to_start(start: Any, form: KeyForm) -> Any:
    instant = parse_instant(start) if isinstance(start, str) and not form.is_plain else None
    return start if instant is None else form.write(instant)


def _to_duration(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)
