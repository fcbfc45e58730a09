"""Turns a merged stream's options into how it is walked: by which pages, from where on, and for whose records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import parse_duration
from tap_rest_api.template import names_of, to_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


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
    """

    key: str
    sorted: str | bool = False
    filter: str = "client"
    start: Any = None
    lookback: timedelta | int | None = None
    format: str = "iso"
    state: str = "auto"


@dataclass(frozen=True, slots=True)
class Parent:
    """Whose records a child stream is read for. `keep` maps a child's field to a path in the parent."""

    stream: str
    keep: Mapping[str, str]
    where: str | None = None


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
    return Parent(raw["stream"], raw.get("keep", {}), raw.get("where"))


def to_replication(raw: Mapping[str, Any], start_date: str | None) -> Replication | None:
    """Read the option "replication"; a stream without it is a full table."""
    options = raw.get("replication")
    if options is None:
        return None
    lookback = options.get("lookback")
    form = options.get("format", "iso")
    return Replication(
        key=options["key"],
        sorted=options.get("sorted", False),
        filter=options.get("filter") or ("server" if "start" in names_of("sync", raw) else "client"),
        start=_to_start(options.get("start", start_date), form),
        lookback=parse_duration(lookback) if isinstance(lookback, str) else lookback,
        format=form,
        state=options.get("state", "auto"),
    )


def _to_start(start: Any, form: str) -> Any:
    return to_format(start, form) if isinstance(start, str) and form != "iso" else start
