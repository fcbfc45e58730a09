"""Turns an answer's Date header into the time at which it was asked for, on the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def server_time(date: str, asked_at: datetime, received_at: datetime) -> datetime:
    """Return a time no later than the one at which the server looked into its data.

    The header (RFC 9110, 6.6.1) may be written after that, so the time that the whole exchange took is taken off.
    Without the header, our own clock has to do.

    Args:
        date: The header; empty without one.
        asked_at: When the request was sent, on our clock.
        received_at: When the answer had come, on our clock.
    """
    written = parse_http_date(date)
    return asked_at if written is None else written - (received_at - asked_at)


def parse_http_date(text: str) -> datetime | None:
    """Read an HTTP date (RFC 9110, 5.6.7) as UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
