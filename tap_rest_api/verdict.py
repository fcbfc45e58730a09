"""Turns a Response into what it means: an Answer, a Failure that may pass, a Refusal of credentials, or a final no."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_rest_api.cut import CUT, cut
from tap_rest_api.error_rules import find_rule, look_up
from tap_rest_api.errors import CredentialsError, RefusedError
from tap_rest_api.instants import is_number
from tap_rest_api.quota import parse_retry_after, parse_wait
from tap_rest_api.retry import Failure, is_retried_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tap_rest_api.error_rules import ErrorRule
    from tap_rest_api.transport import Response

T = TypeVar("T")

NO_CONTENT = 204
_ACTIONS = frozenset({"end", "skip", "shrink", "split", "reset"})
_SHOWN_BODY_CHARACTERS = 200
_SEEN_BODY_BYTES = 4 * _SHOWN_BODY_CHARACTERS


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a request led to.

    Attributes:
        action: "take" for a page; else what a rule of the option "errors" says instead: "end", "skip",
            "shrink", "split" or "reset".
        received_at: When the answer was whole, in UTC.
        page: What was parsed, if it is to be taken.
    """

    action: str
    received_at: datetime
    as_of: datetime
    page: T | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that new credentials may change.

    Attributes:
        error: What to raise if they do not.
        response: What the API answered, with its challenge.
    """

    error: CredentialsError
    response: Response


def judge(
    response: Response, rules: Sequence[ErrorRule], parse: Callable[[Response], T]
) -> Answer[T] | Failure | Refusal:
    """Decide what an answer means: first by the stream's rules, then by its status.

    Raises:
        CredentialsError: 403.
        RefusedError: Any other final no.
        BodyError: `parse` does not accept the body.
    """
    rule = find_rule(rules, response.status, response.body)
    if rule is None:
        return _judge_by_status(response, parse)
    if rule.do in _ACTIONS:
        return Answer(rule.do, response.received_at, response.as_of)
    if rule.do == "fail":
        raise RefusedError(f"{rule.message}: {describe(response)}" if rule.message else describe(response))
    if rule.do == "refresh_auth":
        return Refusal(CredentialsError(describe(response), fix=_CREDENTIALS_FIX), response)
    return Failure(status_text(response.status), response.status, _wait_of(rule, response), rule.retries)


def _judge_by_status(response: Response, parse: Callable[[Response], T]) -> Answer[T] | Failure | Refusal:
    status = response.status
    wait = parse_wait(response.headers, response.received_at)
    if is_retried_status(status) or (status == HTTPStatus.FORBIDDEN and wait is not None):
        return Failure(status_text(status), status, wait)  # a 403 that says when to come back is a rate limit
    if status == HTTPStatus.UNAUTHORIZED:
        return Refusal(CredentialsError(describe(response), fix=_CREDENTIALS_FIX), response)
    if status == HTTPStatus.FORBIDDEN:
        raise CredentialsError(describe(response), fix=_CREDENTIALS_FIX)
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, successful
        raise RefusedError(describe(response))
    if status == NO_CONTENT:  # the end of the pages, or a page that is missing: only a rule can tell
        return Failure(status_text(status), status)
    return Answer("take", response.received_at, response.as_of, parse(response))


_CREDENTIALS_FIX = 'check the option "auth" and the variables it names.'


def _wait_of(rule: ErrorRule, response: Response) -> float | None:
    """Read how long a rule waits: its own number, what the body says (seconds or a date), or what the headers say."""
    if rule.wait is None:
        return parse_wait(response.headers, response.received_at)
    found = look_up(rule.wait, response.body) if isinstance(rule.wait, str) else rule.wait
    if is_number(found):
        return max(0.0, float(found))
    return parse_retry_after(found, response.received_at) if isinstance(found, str) else None


def describe(response: Response) -> str:
    """Word what was answered, with the beginning of its body."""
    return f"the API answered {status_text(response.status)}: {excerpt(response)}"


def status_text(status: int) -> str:
    """Return a status with its phrase."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def excerpt(response: Response) -> str:
    """Return the beginning of a body, on one line."""
    text = " ".join(response.body[:_SEEN_BODY_BYTES].decode("utf-8", "replace").split())
    is_whole = len(response.body) <= _SEEN_BODY_BYTES
    return cut(text if is_whole else f"{text}{CUT}", _SHOWN_BODY_CHARACTERS) or "(empty body)"
