"""Turns a request for data into the answer that a correct API gives to it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from examples.marketplace.message import JSON, RefusedError, Request, Response, json_response

if TYPE_CHECKING:
    from examples.marketplace.reviews import Key
    from examples.marketplace.world import World

MAX_LIMIT = 1000
"""Longer pages are not refused: they come with this many records, as from many real APIs."""

REVIEWS_PATH = "/v1/diaper_reviews"
OPENAPI = Path(__file__).with_name("openapi.json")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Route = Callable[["World", Request, "re.Match[str]"], Response]


def answer(world: World, request: Request) -> Response:
    """Return the answer to a request that carries the key; raises RefusedError for a wrong one."""
    for pattern, route in ROUTES:
        match = pattern.fullmatch(request.path)
        if match:
            return route(world, request, match)
    raise RefusedError(404, "not_found", f"There is nothing at {request.path}")


def _health(_world: World, _request: Request, _match: re.Match[str]) -> Response:
    return json_response({"status": "ok"})


def _openapi(_world: World, _request: Request, _match: re.Match[str]) -> Response:
    return Response(200, OPENAPI.read_bytes(), (), b"", (("Content-Type", JSON),))


def _shops(world: World, request: Request, _match: re.Match[str]) -> Response:
    page = _whole_number(request, "page", 1, least=1)
    per_page = min(_whole_number(request, "per_page", 5, least=1), MAX_LIMIT)
    texts = world.shops()
    after = f'],"page":{page},"pages":{-(-len(texts) // per_page)},"total":{len(texts)}}}'
    shown = tuple(texts[(page - 1) * per_page : page * per_page])
    return Response(200, b'{"data":[', shown, after.encode(), stream="shops")


def _products(world: World, request: Request, match: re.Match[str]) -> Response:
    offset = _whole_number(request, "offset", 0, least=0)
    limit = min(_whole_number(request, "limit", 25, least=1), MAX_LIMIT)
    texts = world.products(int(match["shop_id"]), _since_date(request))
    if texts is None:
        raise RefusedError(404, "not_found", f"There is no shop {match['shop_id']}")
    after = f'],"total":{len(texts)}}}'.encode()
    return Response(200, b'{"items":[', tuple(texts[offset : offset + limit]), after, stream="products")


def _reviews(world: World, request: Request, _match: re.Match[str]) -> Response:
    limit = min(_whole_number(request, "limit", 200, least=1), MAX_LIMIT)
    page = world.reviews_after(max(_since_key(request), cursor_key(request)), limit)
    next_cursor = None if page.next_key is None else cursor_of(page.next_key)
    return reviews_response(page.texts, next_cursor)


def reviews_response(texts: tuple[bytes, ...], next_cursor: str | None) -> Response:
    """Return a page of reviews."""
    meta = json.dumps({"next_cursor": next_cursor, "count": len(texts)}, separators=(",", ":"))
    return Response(
        200,
        b'{"results":[',
        texts,
        b'],"meta":' + meta.encode() + b"}",
        stream="diaper_reviews",
        ends_walk=next_cursor is None,
    )


def _linked_reviews(world: World, request: Request, _match: re.Match[str]) -> Response:
    page = _whole_number(request, "page", 1, least=1)
    per_page = min(_whole_number(request, "per_page", 100, least=1), MAX_LIMIT)
    found = world.reviews_at((page - 1) * per_page, per_page)
    headers: tuple[tuple[str, str], ...] = (("Content-Type", JSON),)
    if found.next_key is not None:
        headers += (next_link(request, {"page": page + 1, "per_page": per_page}),)
    return Response(200, b"[", found.texts, b"]", headers, stream="diaper_reviews")


def next_link(request: Request, query: Mapping[str, object]) -> tuple[str, str]:
    """Return the header that names the page at `query` as the next one (RFC 8288)."""
    return "Link", f'<{url_of(request, query)}>; rel="next"'


def url_of(request: Request, query: Mapping[str, object]) -> str:
    """Return the absolute URL of the request's path with another query, on the host that the client named."""
    return f"http://{request.headers.get('host', '')}{request.path}?{urlencode(query)}"


ROUTES: tuple[tuple[re.Pattern[str], Route], ...] = (
    (re.compile(r"/openapi\.json"), _openapi),
    (re.compile(r"/v1/health"), _health),
    (re.compile(r"/v1/shops"), _shops),
    (re.compile(r"/v1/shops/(?P<shop_id>\d{1,9})/products"), _products),
    (re.compile(REVIEWS_PATH), _reviews),
    (re.compile(r"/v1/links/reviews"), _linked_reviews),
)


def cursor_of(key: Key, *, again: int = 0) -> str:
    """Return the cursor that continues after `key`; clients must not look inside.

    Cursors that differ in `again` stand for the same place.
    """
    return base64.urlsafe_b64encode(f"{key[0]}:{key[1]}:{again}".encode()).decode().rstrip("=")


def cursor_key(request: Request) -> Key:
    """Return where the request's cursor continues, before everything without one; raises RefusedError."""
    cursor = request.query.get("cursor", "")
    if not cursor:
        return (0, 0)
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        instant, review_id, _again = text.split(":")
        return int(instant), int(review_id)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "bad_request", "cursor: not one that this API gave out") from None


def _since_key(request: Request) -> Key:
    text = request.query.get("updated_since", "")
    if not text:
        return (0, 0)
    try:
        instant = datetime.fromisoformat(text)
        return (instant - EPOCH) // MICROSECOND, 0
    except (ValueError, TypeError):  # TypeError: no offset
        raise RefusedError(400, "bad_request", "updated_since: not an RFC 3339 date-time") from None


def _since_date(request: Request) -> str:
    text = request.query.get("since", "")
    try:
        return text and str(date.fromisoformat(text))
    except ValueError:
        raise RefusedError(400, "bad_request", "since: not a date like 2022-11-01") from None


def _whole_number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
        raise RefusedError(400, "bad_request", f"{name}: not a whole number of at least {least}")
    return int(text)
