"""Turns the option "errors" into rules, and an answer into the first of them that speaks of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jmespath

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What to do (retry, skip, end, fail) about an answer with a status ("5xx" or 404) and a body."""

    do: str
    status: tuple[int | str, ...] = ()
    where: str | None = None


def to_error_rule(raw: Mapping[str, Any]) -> ErrorRule:
    """Read a rule that the configuration's rules have accepted."""
    return ErrorRule(raw["do"], tuple(raw.get("status", ())), raw.get("where"))


def find_rule(rules: Sequence[ErrorRule], status: int, body: bytes) -> ErrorRule | None:
    """Return the first rule that speaks of an answer."""
    for rule in rules:
        if matches_status(rule, status) and (rule.where is None or _holds(rule.where, body)):
            return rule
    return None


def matches_status(rule: ErrorRule, status: int) -> bool:
    """Tell whether a rule speaks of a status: as a number, as "404" or as "5xx". No status means any error."""
    if not rule.status:
        return status >= 400 or rule.where is not None  # noqa: PLR2004 - RFC 9110, errors
    return any(str(known).lower() in (str(status), f"{status // 100}xx") for known in rule.status)


def _holds(expression: str, body: bytes) -> bool:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return bool(jmespath.search(expression, content))
