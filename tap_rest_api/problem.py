"""Turns what a rule finds wrong with a stream into a Problem, and holds the findings that several rules share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.template import is_header_text, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    RawStream = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where in the merged document, and how to mend it."""

    path: Sequence[str | int]
    message: str
    fix: str = ""


def parent_name(stream: RawStream) -> str | None:
    """Return the name of a merged stream's parent, written short or long."""
    parent = stream.get("parent")
    return parent["stream"] if isinstance(parent, dict) else parent


def parent_field_problems(
    stream: RawStream, streams: Mapping[str, RawStream], field: str, path: Sequence[str | int]
) -> Iterator[Problem]:
    """Hold a plain name against the parent's schema: one that is nearly a declared field is a slip."""
    parent = streams.get(parent_name(stream) or "", {})
    fields = list(parent.get("schema", {}).get("properties", ()))
    if field.isidentifier() and field not in fields and (fix := nearest(field, fields)):
        yield Problem(path, f'the parent\'s schema has no field "{field}"', fix)


def ignored_options(options: RawStream, known: Iterable[str], noun: str, key: str) -> Iterator[Problem]:
    """Refuse the options that mean nothing to what has been chosen, and list those that do."""
    for option in options:
        if option != "type" and option not in known:
            fix = f"it takes: {', '.join(sorted(known))}." if known else "it takes no options."
            yield Problem([key, option], f'"{option}" means nothing to {noun}', fix)


def header_text_problems(text: str, path: Sequence[str | int]) -> Iterator[Problem]:
    """Refuse a text that would end a header and begin another."""
    if not is_header_text(text):
        yield Problem(path, "this cannot stand in a header", "a line break at its end is the usual reason.")


def line_problems(text: str, path: Sequence[str | int]) -> Iterator[Problem]:
    """Refuse a URL or path of several lines; one that came from a file often ends with a line break."""
    if "\r" in text or "\n" in text:
        yield Problem(path, "this holds a line break", "take it out; a line break at its end is the usual reason.")


def partition_names(stream: RawStream, streams: Mapping[str, RawStream]) -> list[str]:
    """Return the names of a merged stream's partitions, and of those of its parents, which it inherits."""
    names: dict[str, None] = {}
    seen: set[str] = set()
    while stream["name"] not in seen:
        seen.add(stream["name"])
        raw = stream.get("partitions", {})
        for part in [raw] if isinstance(raw, dict) else raw:
            names.update(dict.fromkeys(part))
        stream = streams.get(parent_name(stream) or "", stream)
    return list(names)
