"""Turns what a rule finds wrong with a stream into a Problem, and knows the ways that streams name their parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.template import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
