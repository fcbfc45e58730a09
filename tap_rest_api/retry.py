"""Turns a failed attempt into the seconds to wait before the next one, or into giving up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        asked_seconds: How long the API, or a rule, wants us to wait; None for our own backoff.
        retries: How often a rule tries again; None for as often as the limits say.
        unreachable: Not even a connection came about.
    """

    what: str
    status: int = 0
    asked_seconds: float | None = None
    retries: int | None = None
    unreachable: bool = False


def is_retried_status(status: int) -> bool:
    """Tell a status that may pass from one that stays."""
    return status in _RETRIED_STATUSES or status >= 500  # noqa: PLR2004 - RFC 9110, server errors


def wait_seconds(
    failure: Failure, attempt: int, limits: Limits, jitter: float, *, answered: bool = True
) -> float | None:
    """Decide how long to wait before trying again.

    Args:
        failure: What went wrong.
        attempt: How many attempts have been made, from 1.
        limits: How often and how long the stream may wait.
        jitter: From 0 to 1; spreads clients that failed together.
        answered: Whether this host has answered anything in this run.

    Returns:
        Seconds, or None to give up.
    """
    tries = limits.retries if failure.retries is None else failure.retries
    if failure.unreachable and not answered:
        tries = min(tries, _TRIES_BEFORE_FIRST_ANSWER)
    if attempt > tries:
        return None
    seconds = failure.asked_seconds
    if seconds is None:
        seconds = _BASE_SECONDS * 2.0 ** min(attempt - 1, 30) * (0.5 + jitter / 2)
    return min(seconds, limits.max_wait_seconds)
