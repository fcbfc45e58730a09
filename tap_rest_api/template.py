"""Turns `${group.name}` in a request's description into the values of one request.

Groups are env and vars (expanded once, at load), parent, sync and page (known request by request). Only the
configuration holds templates: a value that came from a record or the environment is never read as one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_rest_api.instants import epoch_milliseconds, instant_of, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

REFERENCE = re.compile(r"\$\{(?P<group>\w+)\.(?P<name>[^{}|]+)(?:\|(?P<format>[^{}]+))?\}")
_TOKEN = re.compile(rf"\$(?P<escape>\$\{{)|{REFERENCE.pattern}")
NAMES: Mapping[str, tuple[str, ...]] = {
    "sync": ("start", "end"),
    "page": ("cursor", "number", "offset", "size"),
}
PLACES = ("path", "params", "headers", "body")  # the options of a stream in which templates ask for something
RECORD_PLACES = ("add",)  # those in which they give it to a record
_ESCAPE = "$${"
_OPENING = re.compile(r"(?<!\$)\$\{[^}]*\}?")
_DROPPED = object()


@dataclass(frozen=True, slots=True)
class Moment:
    """A value that means an instant, in a form of its own: formats write the instant, else it stands as it is."""

    own: Any
    instant: datetime | None


class TemplateError(ValueError):
    """A template that cannot be filled in. Carries the fix as its second argument."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


def nearest(word: str, known: Iterable[str]) -> str:
    """Word the nearest known name as a question; empty when none is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Word the nearest known name as a question, or list the known names when none is near."""
    return nearest(word, known) or f"one of: {', '.join(known)}."


def escape(text: str) -> str:
    """Keep a text that came from outside from being read as a template later."""
    return text.replace("${", _ESCAPE)


def escape_all(value: Any) -> Any:
    """Keep every text in a JSON value that came from outside from being read as a template later."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {key: escape_all(item) for key, item in value.items()}
    return [escape_all(item) for item in value] if isinstance(value, list) else value


def literal(text: str) -> str:
    """Read a text where no template may stand.

    Raises:
        TemplateError: It holds one.
    """
    if found := _OPENING.search(text):
        raise TemplateError(f"{found[0]} cannot stand here", "templates work in path, params, headers, body and add.")
    return text.replace(_ESCAPE, "${")


def expand(text: str, value_of: Mapping[str, Callable[[str], Any]]) -> Any:
    """Fill in the templates of some groups and leave those of all others as they stand.

    Args:
        text: A text of the configuration.
        value_of: By group, what turns a name into its value.
    """

    def value(match: re.Match[str]) -> Any:
        found = value_of[match["group"]](match["name"])
        return to_format(found, match["format"]) if match["format"] else found

    if (whole := REFERENCE.fullmatch(text)) and whole["group"] in value_of:
        return value(whole)
    return _TOKEN.sub(lambda match: to_text(value(match)) if match["group"] in value_of else match[0], text)


def references(value: Any) -> Iterator[re.Match[str]]:
    """Yield every template in a JSON value, as a match with `group`, `name` and `format`.

    Raises:
        TemplateError: Something opens like a template and is not one.
    """
    if isinstance(value, str):
        yield from _references_of_text(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _references_of_text(text: str) -> Iterator[re.Match[str]]:
    for found in _OPENING.finditer(text):
        match = REFERENCE.fullmatch(found[0])
        if match is None:
            word = found[0].strip("${}")
            raise TemplateError(f"{found[0]} is not a template", f"write ${{env.{word}}} or ${{vars.{word}}}.")
        yield match


def references_of(group: str, value: Any) -> set[str]:
    """Return the names of one group that a JSON value uses, as in `${group.name}`."""
    return {match["name"] for match in references(value) if match["group"] == group}


def names_of(group: str, request: Mapping[str, Any]) -> set[str]:
    """Return the names of one group that a stream's request uses, as in `${group.name}`."""
    return references_of(group, [request.get(place) for place in PLACES])


def render(value: Any, scope: Mapping[str, Mapping[str, Any]]) -> Any:
    """Fill in a JSON value. A text that is one template keeps the value's type; null drops its key or item.

    Raises:
        TemplateError: A format does not fit its value.
    """
    rendered = _render(value, scope)
    return None if rendered is _DROPPED else rendered


def _render(value: Any, scope: Mapping[str, Mapping[str, Any]]) -> Any:
    if isinstance(value, str):
        return _render_text(value, scope)
    if isinstance(value, dict):
        pairs = ((key, _render(item, scope)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _DROPPED}
    if isinstance(value, list):
        return [item for item in (_render(item, scope) for item in value) if item is not _DROPPED]
    return value


def _render_text(text: str, scope: Mapping[str, Mapping[str, Any]]) -> Any:
    if match := REFERENCE.fullmatch(text):
        value = _lookup(match, scope)
        return _DROPPED if value is None else value
    values = [_lookup(match, scope) for match in _matches(text)]
    return _DROPPED if None in values else _fill(text, [to_text(value) for value in values])


def render_path(path: str, scope: Mapping[str, Mapping[str, Any]]) -> str:
    """Fill in a URL's path; values are percent-encoded, so that none of them adds a segment.

    A segment that waits for a cursor is left out of the first page's path: there is none yet.

    Raises:
        TemplateError: A value is null, empty, or a dot segment that would climb out of the path.
    """
    segments = (segment for segment in path.split("/") if not _waits(segment, scope))
    return "/".join(_fill(segment, [_to_segment(match, scope) for match in _matches(segment)]) for segment in segments)


def _waits(segment: str, scope: Mapping[str, Mapping[str, Any]]) -> bool:
    matches = [match for match in _matches(segment) if match["group"] == "page" and match["name"] == "cursor"]
    return bool(matches) and scope["page"].get("cursor") is None


def _to_segment(match: re.Match[str], scope: Mapping[str, Mapping[str, Any]]) -> str:
    value = _lookup(match, scope)
    text = "" if value is None else to_text(value)
    if text in ("", ".", ".."):
        raise TemplateError(f"{match[0]} is {text or 'empty'!r}, which cannot be part of a path")
    return quote(text, safe="")


def _matches(text: str) -> list[re.Match[str]]:
    return [match for match in _TOKEN.finditer(text) if not match["escape"]]


def _fill(text: str, texts: list[str]) -> str:
    """Put texts where the templates stand; they are not looked at again."""
    rest = iter(texts)
    return _TOKEN.sub(lambda match: "${" if match["escape"] else next(rest), text)


def _lookup(match: re.Match[str], scope: Mapping[str, Mapping[str, Any]]) -> Any:
    value = scope[match["group"]].get(match["name"])
    if isinstance(value, Moment):
        has_own_form = not match["format"] or match["format"] == "json" or value.instant is None
        value = value.own if has_own_form else value.instant
    return value if value is None or not match["format"] else to_format(value, match["format"])


def to_format(value: Any, form: str) -> Any:
    """Write a value as `epoch`, `epoch_ms`, `json` or a strftime pattern (in UTC).

    Raises:
        TemplateError: The form asks for a date and the value is none, or the form is unknown.
    """
    if form == "json":
        return json.dumps(value, default=str)
    instant = value if isinstance(value, datetime) else instant_of(value)
    if instant is None:
        raise TemplateError(f'"|{form}" needs a date-time, and the value is not one')
    if form == "epoch":
        return epoch_milliseconds(instant) // 1000
    if form == "epoch_ms":
        return epoch_milliseconds(instant)
    return instant.strftime(form)


def is_format(form: str) -> bool:
    """Tell whether `to_format` knows a form."""
    return form in ("epoch", "epoch_ms", "json") or form.startswith("%")


def is_header_text(text: str) -> bool:
    """Tell whether a text can stand in a header: Latin-1 without line breaks (RFC 9110, 5.5)."""
    return not any(mark in text for mark in "\r\n\0") and all(ord(character) < 256 for character in text)  # noqa: PLR2004


def to_text(value: Any) -> str:
    """Write a value as it stands in a URL or header.

    Raises:
        TemplateError: It is an object or a list, which have no such form.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) or is_number(value):
        return str(value)
    raise TemplateError(f"a {type(value).__name__} has no place in a text", 'add "|json" to the template.')
