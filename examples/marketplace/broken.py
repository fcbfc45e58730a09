"""Turns a review that meets its schema into one that breaks it, for the seven ids that do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from examples.marketplace import exact

if TYPE_CHECKING:
    from collections.abc import Callable

Record = dict[str, Any]


def _without_body(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "body"}


def _author(name: str, value: Any) -> Callable[[Record], Record]:
    return lambda record: record | {"author": record["author"] | {name: value}}


BROKEN: dict[int, Callable[[Record], Record]] = {
    37: lambda record: record | {"rating": 6},
    418: lambda record: record | {"rating": "five"},
    905: _author("countrycode", "de"),
    1377: _without_body,
    1822: lambda record: record | {"body": 42},
    2391: lambda record: record | {"rating": 0},
    2960: _author("verified", "yes"),
}
"""Review id to what is wrong with it. These reviews never change, so each is served in one version."""


def break_review(review_id: int, text: bytes) -> bytes:
    """Return the text as the schema-breaking server sends it; most reviews stay as they are."""
    spoil = BROKEN.get(review_id)
    return text if spoil is None else exact.dumps(spoil(exact.loads(text))).encode()
