"""Turns the option "limits" into Limits: how often, how fast and how long the API is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, and how often it is tried again."""

    retries: int = 6
    max_wait_seconds: float = 300.0
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 120.0
    total_timeout_seconds: float = 600.0


def to_limits(raw: Mapping[str, Any]) -> Limits:
    """Read options that the configuration's rules have accepted."""
    values: dict[str, Any] = {}
    for option, value in raw.items():
        field, read = _FIELDS[option]
        values[field] = read(value)
    return Limits(**values)


def to_seconds(text: str) -> float:
    """Read an ISO 8601 duration that has been checked."""
    duration = parse_duration(text)
    if duration is None:
        raise AssertionError(text)
    return duration.total_seconds()


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "retries": ("retries", int),
    "max_wait": ("max_wait_seconds", to_seconds),
    "connect_timeout": ("connect_timeout_seconds", float),
    "read_timeout": ("read_timeout_seconds", float),
    "total_timeout": ("total_timeout_seconds", float),
}
