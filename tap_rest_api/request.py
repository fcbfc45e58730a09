"""Turns a stream's templates and a place in its page chain into one Request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.template import PLACES, TemplateError, is_header_text, names_of, render, render_path, to_text
from tap_rest_api.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.config import Config, Stream
    from tap_rest_api.paginate import Position
    from tap_rest_api.traversal import Pagination

    Scope = Mapping[str, Mapping[str, Any]]


def template_names(stream: Stream, group: str) -> set[str]:
    """Return the names of one group of templates that a stream's request uses."""
    return names_of(group, {place: getattr(stream, place) for place in PLACES})


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
        headers = {name: to_text(value) for name, value in render(stream.headers, full).items()}
        body = render(stream.body, full)
        if position.url is not None:  # a link brings its own parameters
            return Request(stream.method, position.url, (), _checked(headers, stream), body)
        params = {**render(stream.params, full), **position.params(pagination)}
        url = _join(config.base_url, render_path(stream.path, full))
        pairs = tuple(_pairs(params))
    except TemplateError as error:
        raise ConfigError(str(error), where=stream.where, fix=error.fix) from None
    return Request(stream.method, url, pairs, _checked(headers, stream), body)


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
