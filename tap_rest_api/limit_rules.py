"""Turns the options "limits" and "errors" of a merged stream into problems that a JSON Schema cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api.auth_rules import RENEWABLE
from tap_rest_api.instants import parse_duration
from tap_rest_api.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.problem import RawStream

_OPTION_VERBS = {"wait": "retry", "retries": "retry", "message": "fail"}  # an error rule's options, and whose they are


def limit_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with a stream's limits."""
    wait = stream.get("limits", {}).get("max_wait")
    if wait is not None and parse_duration(wait) is None:
        yield Problem(["limits", "max_wait"], "max_wait is not a duration", 'write it like "PT5M".')


def error_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Yield what is wrong with a stream's error rules: options of another verb, and verbs without an object."""
    for index, rule in enumerate(stream.get("errors", ())):
        for option, verb in _OPTION_VERBS.items():
            if option in rule and rule["do"] != verb:
                fix = f'it belongs to "do": "{verb}".'
                yield Problem(["errors", index, option], f'"{option}" means nothing to "{rule["do"]}"', fix)
        for status in rule.get("status", ()):
            if not _is_status(status):
                fix = 'write it like 404 or "5xx".'
                yield Problem(["errors", index, "status"], f'"{status}" is not a status', fix)
        missing = _missing_object(rule["do"], stream)
        if missing:
            yield Problem(["errors", index, "do"], f'"{rule["do"]}" has nothing to work on', missing)


def _is_status(status: int | str) -> bool:
    text = str(status).lower()
    return text.isascii() and len(text) == 3 and text[0] in "12345" and (text[1:].isdigit() or text[1:] == "xx")  # noqa: PLR2004 - RFC 9110, 15


def _missing_object(verb: str, stream: RawStream) -> str:
    """Word what a verb needs and the stream does not have."""
    if verb == "refresh_auth" and stream.get("auth", {}).get("type") not in RENEWABLE:
        return f"it needs an auth that can be refreshed: {', '.join(RENEWABLE)}."
    if verb == "shrink" and "size" not in stream.get("pagination", {}):
        return 'it needs a page size: "pagination": {"size": 100, …}.'
    if verb == "split" and "window" not in stream.get("replication", {}):
        return 'it needs a window: "replication": {"window": "P7D", …}.'
    if verb == "reset" and "replication" not in stream:
        return 'it needs a bookmark to begin again from: "replication".'
    return ""
