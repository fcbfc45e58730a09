"""Turns a stream's templates and a place in its page chain into one Request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_rest_api.errors import ConfigError
from tap_rest_api.json_body import encode_exact
from tap_rest_api.media import ACCEPT
from tap_rest_api.template import (
    PLACES,
    TemplateError,
    is_header_text,
    names_of,
    references,
    render,
    render_path,
    to_text,
)
from tap_rest_api.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.config import Config, Stream
    from tap_rest_api.paginate import Position
    from tap_rest_api.traversal import Pagination

    Scope = Mapping[str, Mapping[str, Any]]

_CONTENT_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}


def template_names(stream: Stream, group: str) -> set[str]:
    """Return the names of one group of templates that a stream's request uses, or what is added to its records."""
    added = {match["name"] for match in references(stream.add) if match["group"] == group}
    return names_of(group, {place: getattr(stream, place) for place in PLACES}) | added


def build_request(config: Config, stream: Stream, pagination: Pagination, position: Position, scope: Scope) -> Request:
    """Fill in a stream's request for one page.

    Args:
        config: Has the API's address.
        stream: Whose request it is.
        pagination: How its pages are asked for; `auto` until the first page has told.
        position: Which page.
        scope: What `${parent.…}` and `${sync.…}` stand for.

    Raises:
        ConfigError: A template cannot be filled in, or would break a header.
    """
    full = {**scope, "page": position.scope(pagination)}
    try:
        own = {name: to_text(value) for name, value in render(stream.headers, full).items()}
        body = _encode(render(stream.body, full), stream.body_type)
        headers = _checked({**_usual_headers(stream, own, body), **own}, stream)
        if position.url is not None:  # a link brings its own parameters
            return Request(stream.method, position.url, (), headers, body, stream.format)
        params = {**render(stream.params, full), **position.params(pagination)}
        url = _join(config.base_url, render_path(stream.path, full))
        pairs = tuple(_pairs(params))
    except TemplateError as error:
        raise ConfigError(str(error), where=stream.where, fix=error.fix) from None
    return Request(stream.method, url, pairs, headers, body, stream.format)


def _usual_headers(stream: Stream, own: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    """Return what the stream's own headers leave unsaid about the body that goes and the one that comes."""
    usual: dict[str, str] = {}
    if stream.format in ACCEPT:
        usual["Accept"] = ACCEPT[stream.format]
    if body is not None:
        usual["Content-Type"] = _CONTENT_TYPES[stream.body_type]
    named = {name.lower() for name in own}
    return {name: value for name, value in usual.items() if name.lower() not in named}


def _encode(body: Any, body_type: str) -> bytes | None:
    """Write a body as its type asks for; None is no body."""
    if body is None:
        return None
    if body_type == "form":
        return urlencode(list(_pairs(body))).encode()
    return to_text(body).encode() if body_type == "text" else encode_exact(body)


def _join(base_url: str, path: str) -> str:
    if path.startswith(("http://", "https://")):
        return path
    return f"{base_url}/{path.lstrip('/')}" if path.strip("/") else base_url


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield name, to_text(item)


def _checked(headers: Mapping[str, str], stream: Stream) -> Mapping[str, str]:
    for name, value in headers.items():
        if not is_header_text(value):
            message = f'the header "{name}" would hold a line break, or what is not Latin-1'
            raise ConfigError(message, where=stream.where)
    return headers
