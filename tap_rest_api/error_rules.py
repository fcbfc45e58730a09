"""Turns the option "errors" into rules, and an answer into the first of them that speaks of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What to do about an answer with a status ("5xx" or 404) and a body.

    Attributes:
        do: retry, skip, end, fail, refresh_auth, shrink, split or reset.
        status: Which answers it speaks of; any error, or with `where` any answer, if there are none.
        where: A JMESPath that is true of the body.
        wait: Of "retry": seconds, or a JMESPath to them in the body.
        retries: Of "retry": how often; None for as often as the limits say.
        message: Of "fail": what to tell.
    """

    do: str
    status: tuple[int | str, ...] = ()
    where: str | None = None
    wait: str | float | None = None
    retries: int | None = None
    message: str = ""


def to_error_rule(raw: Mapping[str, Any]) -> ErrorRule:
    """Read a rule that the configuration's rules have accepted."""
    return ErrorRule(**{**raw, "status": tuple(raw.get("status", ()))})


def find_rule(rules: Sequence[ErrorRule], status: int, body: bytes) -> ErrorRule | None:
    """Return the first rule that speaks of an answer."""
    for rule in rules:
        if matches_status(rule, status) and (rule.where is None or look_up(rule.where, body)):
            return rule
    return None


def matches_status(rule: ErrorRule, status: int) -> bool:
    """Tell whether a rule speaks of a status: as a number, as "404" or as "5xx". No status means any error."""
    if not rule.status:
        return status >= 400 or rule.where is not None  # noqa: PLR2004 - RFC 9110, errors
    return any(str(known).lower() in (str(status), f"{status // 100}xx") for known in rule.status)


def look_up(expression: str, body: bytes) -> Any:
    """Return what a JMESPath finds in a body; None where that is not JSON, or not what the expression can read."""
    try:
        return jmespath.search(expression, json.loads(body))
    except (ValueError, RecursionError, JMESPathError):
        return None
