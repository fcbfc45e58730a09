"""Turns an answer's headers into what the API says about asking again: how much is left, and from when on.

Rate-limit headers have no standard yet. Read are draft-ietf-httpapi-ratelimit-headers in its structured forms
(`RateLimit: "default";r=50;t=30`, before that `limit=100, remaining=50, reset=30`) and its plain one
(`RateLimit-Remaining`), and `X-RateLimit-…` and `X-Rate-Limit-…`, whose reset is a delta, an epoch or a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_rest_api.instants import parse_instant
from tap_rest_api.server_time import parse_http_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_RESETS = ("reset", "reset-after")
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)(?:[\s,;]|$)", re.ASCII)
_ITEM = re.compile(r'\s*"?(?P<name>[^";,=]*)"?(?P<parameters>(?:\s*;\s*\w+\s*=\s*(?:"[^"]*"|[^;,"]*))+)')
_PARAMETER = re.compile(r"\b([a-z]+)\s*=\s*(\d+)", re.ASCII)
_EPOCH_SECONDS = 10**9  # a greater number is a time, from 2001 on; a smaller one is a delta
_EPOCH_MILLISECONDS = 10**11


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of an allowance, of how much, and in how many seconds it is whole again."""

    remaining: float
    limit: float | None = None
    reset_seconds: float | None = None

    @property
    def share(self) -> float:
        """What is left, as a share of the whole; where that is unknown, nothing or everything."""
        return self.remaining / self.limit if self.limit else min(1.0, self.remaining)


def parse_quota(headers: Mapping[str, str], now: datetime) -> Quota | None:
    """Read the allowance that is nearest to its end; None where the headers announce none.

    Args:
        headers: By lower-case name.
        now: The time in UTC. A Date header is preferred: a reset is a time on the server's clock.
    """
    now = parse_http_date(headers.get("date", "")) or now
    return min([*_structured(headers), *_plain(headers, now)], key=lambda quota: quota.share, default=None)


def parse_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return after how many seconds the API wants to be asked again; None where it does not say."""
    wait = parse_retry_after(headers.get("retry-after", ""), parse_http_date(headers.get("date", "")) or now)
    if wait is not None:
        return wait
    quota = parse_quota(headers, now)
    return quota.reset_seconds if quota is not None and quota.remaining < 1 else None


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); None when it is neither."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = parse_http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def _structured(headers: Mapping[str, str]) -> Iterator[Quota]:
    text = headers.get("ratelimit", "")
    whole = dict(_PARAMETER.findall(text))
    if "remaining" in whole:  # a dictionary, as the seventh draft had it
        yield _quota(whole.get("remaining"), whole.get("limit"), whole.get("reset"))
        return
    policies = {name: parameters.get("q") for name, parameters in _items(headers.get("ratelimit-policy", ""))}
    for name, parameters in _items(text):
        if "r" in parameters:
            yield _quota(parameters["r"], policies.get(name), parameters.get("t"))


def _items(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for match in _ITEM.finditer(text):
        yield match["name"].strip(), dict(_PARAMETER.findall(match["parameters"]))


def _quota(remaining: str | None, limit: str | None, reset: str | None) -> Quota:
    return Quota(float(remaining or 0), float(limit) if limit else None, float(reset) if reset else None)


def _plain(headers: Mapping[str, str], now: datetime) -> Iterator[Quota]:
    for prefix in _PREFIXES:
        remaining = _number(headers.get(f"{prefix}remaining", ""))
        if remaining is not None:
            reset = next((headers[prefix + name] for name in _RESETS if prefix + name in headers), "")
            yield Quota(remaining, _number(headers.get(f"{prefix}limit", "")), _reset_seconds(reset, now))


def _reset_seconds(text: str, now: datetime) -> float | None:
    number = _number(text)
    if number is None:
        moment = parse_http_date(text) or parse_instant(text.strip())
        return None if moment is None else max(0.0, (moment - now).total_seconds())
    if number < _EPOCH_SECONDS:
        return number
    epoch = number / 1000 if number >= _EPOCH_MILLISECONDS else number
    return max(0.0, epoch - now.timestamp())


def _number(text: str) -> float | None:
    """Read the number that a header begins with; several values may follow it."""
    match = _NUMBER.match(text)
    return float(match[1]) if match else None
