"""Turns the templates of a merged stream into problems: unknown groups and names, and places where none may stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.problem import Problem, parent_field_problems, parent_name, partition_names
from tap_rest_api.template import (
    NAMES,
    PLACES,
    RECORD_PLACES,
    TemplateError,
    did_you_mean,
    is_format,
    literal,
    references,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_rest_api.problem import RawStream

_PAGE_NAME = {"page": "number", "offset": "offset", "cursor": "cursor"}


def template_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with the templates of one stream."""
    for key, value in stream.items():
        if key == "schema":
            continue
        try:
            if key == "auth" and partition_names(stream, streams):
                yield from _auth_reference_problems(value, stream, streams)
                continue
            if key not in (*PLACES, *RECORD_PLACES):
                _check_literals(value)
                continue
            for match in references(value):
                yield from _reference_problems(match["group"], match["name"], stream, streams, key)
                if match["format"] and not is_format(match["format"]):
                    fix = "one of: epoch, epoch_ms, json, or a date pattern such as %Y-%m-%d."
                    yield Problem([key], f'"|{match["format"]}" is not a format', fix)
        except TemplateError as error:
            yield Problem([key], str(error), error.fix)


def _auth_reference_problems(value: Any, stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    for match in references(value):
        if match["group"] != "partition":
            yield Problem(["auth"], f"{match[0]} cannot stand here", "only ${partition.…}, ${env.…} and ${vars.…} can.")
        yield from _reference_problems(match["group"], match["name"], stream, streams, "auth")


def _check_literals(value: Any) -> None:
    if isinstance(value, str):
        literal(value)
    elif isinstance(value, dict):
        for item in value.values():
            _check_literals(item)
    elif isinstance(value, list):
        for item in value:
            _check_literals(item)


def _reference_problems(
    group: str, name: str, stream: RawStream, streams: Mapping[str, RawStream], key: str
) -> Iterator[Problem]:
    if group == "parent":
        if parent_name(stream) is None:
            yield Problem([key], f"${{parent.{name}}} without a parent", 'add "parent": "STREAM".')
        yield from parent_field_problems(stream, streams, name, [key])
    elif group == "partition":
        known = partition_names(stream, streams)
        if name not in known:
            fix = did_you_mean(name, known) if known else 'add "partitions".'
            yield Problem([key], f"${{partition.{name}}}: no such name in the partitions", fix)
    elif group not in NAMES:
        known = ["env", "vars", "parent", "partition", *NAMES]
        yield Problem([key], f"${{{group}.{name}}}: unknown group", did_you_mean(group, known))
    elif name not in NAMES[group]:
        yield Problem([key], f"${{{group}.{name}}}: unknown name", did_you_mean(name, NAMES[group]))
    elif key in RECORD_PLACES and (group == "page" or name == "start"):
        fix = "a record may be given parent fields, ${sync.end}, variables and constants."
        yield Problem([key], f"${{{group}.{name}}} belongs to a request, not to a record", fix)
    elif group == "page":
        yield from _page_reference_problems(name, stream.get("pagination", {}), key)


def _page_reference_problems(name: str, pagination: RawStream, key: str) -> Iterator[Problem]:
    kind = pagination.get("type", "auto")
    known = {"size", _PAGE_NAME.get(kind)} if kind != "auto" else {"size", *_PAGE_NAME.values()}
    if name not in known:
        yield Problem([key], f'pagination "{kind}" gives no ${{page.{name}}}', "choose the type that does.")
    if name == "size" and "size" not in pagination:
        yield Problem([key], "${page.size} without a size", 'add "size" to pagination.')


def literal_problems(text: str, path: Sequence[str | int]) -> Iterator[Problem]:
    """Yield what is wrong with a text in which no template may stand."""
    try:
        literal(text)
    except TemplateError as error:
        yield Problem(path, str(error), error.fix)
