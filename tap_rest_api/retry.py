"""Turns a failed attempt into the seconds to wait before the next one, or into giving up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_rest_api.server_time import parse_http_date

if TYPE_CHECKING:
    from datetime import datetime

    from tap_rest_api.limits import Limits

_BASE_SECONDS = 0.5
_RETRIED_STATUSES = frozenset({408, 425, 429})
_TRIES_BEFORE_FIRST_ANSWER = 2  # a mistyped host should not take a minute to say so


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that did not give a page.

    Attributes:
        what: For the log and the error: "503 Service Unavailable", "the connection was reset".
        status: The HTTP status, 0 where no answer came.
        retry_after: The header of that name.
        unreachable: Not even a connection came about.
    """

    what: str
    status: int = 0
    retry_after: str = ""
    unreachable: bool = False


def is_retried_status(status: int) -> bool:
    """Tell a status that may pass from one that stays."""
    return status in _RETRIED_STATUSES or status >= 500  # noqa: PLR2004 - RFC 9110, server errors


def wait_seconds(
    failure: Failure, attempt: int, limits: Limits, now: datetime, jitter: float, *, answered: bool = True
) -> float | None:
    """Decide how long to wait before trying again.

    Args:
        failure: What went wrong.
        attempt: How many attempts have been made, from 1.
        limits: How often and how long the stream may wait.
        now: The time in UTC, for a Retry-After that is a date.
        jitter: From 0 to 1; spreads clients that failed together.
        answered: Whether this host has answered anything in this run.

    Returns:
        Seconds, or None to give up.
    """
    tries = limits.retries
    if failure.unreachable and not answered:
        tries = min(tries, _TRIES_BEFORE_FIRST_ANSWER)
    if attempt > tries:
        return None
    asked = parse_retry_after(failure.retry_after, now)
    if asked is None:
        asked = _BASE_SECONDS * 2.0 ** min(attempt - 1, 30) * (0.5 + jitter / 2)
    return min(asked, limits.max_wait_seconds)


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); None when it is neither."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    moment = parse_http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())
