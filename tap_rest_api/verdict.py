"""Turns a Response into what it means: an Answer, a Failure that may pass, or a final no."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_rest_api.error_rules import find_rule
from tap_rest_api.errors import CredentialsError, RefusedError
from tap_rest_api.retry import Failure, is_retried_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tap_rest_api.error_rules import ErrorRule
    from tap_rest_api.transport import Response

T = TypeVar("T")

NO_CONTENT = 204
_SHOWN_BODY_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a request led to: a page to "take", or, by a rule of the option "errors", "end" or "skip"."""

    action: str
    received_at: datetime
    as_of: datetime
    page: T | None = None


def judge(response: Response, rules: Sequence[ErrorRule], parse: Callable[[Response], T]) -> Answer[T] | Failure:
    """Decide what an answer means: first by the stream's rules, then by its status.

    Raises:
        CredentialsError: 401 or 403.
        RefusedError: Any other final no.
        BodyError: `parse` does not accept the body.
    """
    rule = find_rule(rules, response.status, response.body)
    if rule is not None and rule.do in ("end", "skip"):
        return Answer(rule.do, response.received_at, response.as_of)
    what = _status_text(response.status)
    if rule is not None and rule.do == "fail":
        raise RefusedError(f"the API answered {what}: {_excerpt(response)}")
    if rule is not None or is_retried_status(response.status):
        return Failure(what, response.status, response.headers.get("retry-after", ""))
    if response.status in (401, 403):
        fix = 'check the option "auth" and the variables it names.'
        raise CredentialsError(f"the API answered {what}: {_excerpt(response)}", fix=fix)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, successful
        raise RefusedError(f"the API answered {what}: {_excerpt(response)}")
    if response.status == NO_CONTENT:  # the end of the pages, or a page that is missing: only a rule can tell
        return Failure(what, response.status)
    return Answer("take", response.received_at, response.as_of, parse(response))


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _excerpt(response: Response) -> str:
    text = response.body[: _SHOWN_BODY_CHARACTERS * 4].decode("utf-8", "replace")
    return " ".join(text.split())[:_SHOWN_BODY_CHARACTERS] or "(empty body)"
