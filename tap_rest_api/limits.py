"""Turns the option "limits" into Limits: how often, how fast and how long the API is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RATE = re.compile(r"(?P<count>\d+)/(?P<times>\d*)(?P<unit>s|min|h|d)")
_UNIT_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in any span of so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a stream asks, how long a request may take, and how often it is tried again.

    Attributes:
        rates: Each of them holds.
        reserve: The share of the quota that the API announces which is left for others, from 0 to 1.
        retries: Tries after the first.
        max_wait_seconds: The longest single wait that the API can impose.
        connect_timeout_seconds: For a connection.
        read_timeout_seconds: Without a byte.
        total_timeout_seconds: For a whole answer.
    """

    rates: tuple[Rate, ...] = ()
    reserve: float = 0.0
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


def to_rates(raw: str | list[str]) -> tuple[Rate, ...]:
    """Read one rate or several, such as "80/min", "5/s" or "100/15min"."""
    return tuple(_to_rate(text) for text in ([raw] if isinstance(raw, str) else raw))


def _to_rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None:
        raise AssertionError(text)  # the schema has its pattern
    return Rate(int(match["count"]), int(match["times"] or 1) * _UNIT_SECONDS[match["unit"]])


def to_seconds(text: str) -> float:
    """Read an ISO 8601 duration that has been checked."""
    duration = parse_duration(text)
    if duration is None:
        raise AssertionError(text)
    return duration.total_seconds()


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "rate": ("rates", to_rates),
    "reserve": ("reserve", float),
    "retries": ("retries", int),
    "max_wait": ("max_wait_seconds", to_seconds),
    "connect_timeout": ("connect_timeout_seconds", float),
    "read_timeout": ("read_timeout_seconds", float),
    "total_timeout": ("total_timeout_seconds", float),
}
