"""Turns merged streams into the problems that a JSON Schema cannot see: names, parents, options."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from tap_rest_api.auth_rules import auth_problems
from tap_rest_api.connection_rules import connection_problems
from tap_rest_api.instants import parse_duration, parse_instant
from tap_rest_api.limit_rules import error_problems, limit_problems
from tap_rest_api.problem import Problem, header_text_problems, ignored_options, line_problems
from tap_rest_api.record_rules import body_problems, field_problems, format_problems, mask_key_problems
from tap_rest_api.schemas import misshapen
from tap_rest_api.template import did_you_mean, names_of
from tap_rest_api.template_rules import literal_problems, template_problems
from tap_rest_api.traversal_rules import TRAVERSAL_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_rest_api.problem import RawStream

# Which options mean something for which type; any other would be ignored, so it is refused.
PAGINATION_OPTIONS = {
    "auto": {"size", "size_param", "stop", "max_pages"},
    "none": set(),
    "page": {"param", "start", "size", "size_param", "more", "total", "stop", "max_pages"},
    "offset": {"param", "start", "size", "size_param", "more", "total", "stop", "max_pages"},
    "cursor": {"param", "next", "size", "size_param", "more", "total", "max_pages"},
    "link": {"next", "size", "size_param", "more", "total", "max_pages"},
}


def stream_problems(merged: RawStream) -> Iterator[Problem]:
    """Yield every problem of a document that its schema has already accepted."""
    yield from _base_problems(merged)
    yield from _run_limit_problems(merged)
    yield from _window_problems(merged)
    yield from _name_problems(merged["streams"])
    yield from mask_key_problems(merged)
    by_name = {stream["name"]: stream for stream in merged["streams"]}
    for index, stream in enumerate(merged["streams"]):
        for rule in _RULES:
            for problem in rule(stream, by_name):
                yield Problem(["streams", index, *problem.path], problem.message, problem.fix)


def _base_problems(merged: RawStream) -> Iterator[Problem]:
    for key in ("base_url", "user_agent", "mask_key"):
        yield from literal_problems(merged.get(key, ""), [key])
    yield from header_text_problems(merged.get("user_agent", ""), ["user_agent"])
    yield from line_problems(merged["base_url"], ["base_url"])
    try:
        url = urlsplit(merged["base_url"])
        is_plain = url.port != 0 and url.hostname
    except ValueError as error:  # a port that is no number, half a bracket
        yield Problem(["base_url"], f"base_url is not a URL: {error}")
        return
    if not is_plain or url.username is not None or url.query or url.fragment:
        fix = 'give the host and path only; credentials belong in "auth", parameters in "params".'
        yield Problem(["base_url"], "base_url holds more than a host and a path", fix)
    yield from connection_problems(merged)
    for key in ("start_date", "end_date"):
        if key in merged and parse_instant(merged[key]) is None:
            yield Problem([key], f"{key} is not a date-time", 'write it like "2024-01-31T00:00:00Z".')


def _window_problems(merged: RawStream) -> Iterator[Problem]:
    """A window needs a place to begin, and the dates need a stream that has some."""
    for index, stream in enumerate(merged["streams"]):
        options = stream.get("replication", {})
        if "window" in options and "start" not in options and "start_date" not in merged:
            fix = 'add "start" here, or "start_date" at the top level.'
            yield Problem(["streams", index, "replication", "window"], "windows need a place to begin", fix)
    if "end_date" in merged and not any("replication" in stream for stream in merged["streams"]):
        yield Problem(["end_date"], "no stream has a replication key, so none has an end", "leave it out.")


def _run_limit_problems(merged: RawStream) -> Iterator[Problem]:
    limits = merged.get("limits", {})
    if "max_run" in limits and parse_duration(limits["max_run"]) is None:
        yield Problem(["limits", "max_run"], "max_run is not a duration", 'write it like "PT30M".')
    for index, stream in enumerate(merged["streams"]):
        for option in ("budget", "max_run"):
            if stream.get("limits", {}).get(option) != limits.get(option):
                message = f"{option} is a limit of the whole run"
                yield Problem(["streams", index, "limits", option], message, 'put it into "limits" at the top level.')


def _name_problems(streams: Sequence[RawStream]) -> Iterator[Problem]:
    names: list[str] = []
    for index, stream in enumerate(streams):
        if stream["name"] in names:
            message = f'two streams have the name "{stream["name"]}"'
            yield Problem(["streams", index, "name"], message, "give each its own name.")
        names.append(stream["name"])


def _pagination_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    options = stream.get("pagination", {})
    kind = options.get("type", "auto")
    yield from ignored_options(options, PAGINATION_OPTIONS[kind], f'pagination "{kind}"', "pagination")
    used = names_of("page", stream)
    if kind == "cursor":
        yield from _cursor_problems(options, used)
    if "size_param" in options and "size" not in options:
        yield Problem(["pagination", "size_param"], "size_param without a size", 'add "size".')
    if "size" in options and "size_param" not in options and "size" not in used and "stop" not in options:
        fix = 'add "size_param", or ${page.size} in the request.'
        yield Problem(["pagination", "size"], "the size is sent nowhere", fix)
    if options.get("stop") == "short" and "size" not in options:
        yield Problem(["pagination", "stop"], 'stop "short" without a size', 'add "size".')


def _cursor_problems(options: RawStream, used: set[str]) -> Iterator[Problem]:
    if "next" not in options:
        fix = 'add "next": the path of the next token in the body, header:NAME or last:PATH.'
        yield Problem(["pagination"], 'pagination "cursor" has no "next"', fix)
    if "param" not in options and "cursor" not in used:
        fix = 'add "param", or ${page.cursor} in the request.'
        yield Problem(["pagination"], "the cursor is sent nowhere", fix)


def _path_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    yield from line_problems(stream["path"], ["path"])


def _header_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    for name, value in stream.get("headers", {}).items():
        yield from header_text_problems(name, ["headers", name])
        yield from header_text_problems(str(value), ["headers", name])


def _schema_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    schema = stream.get("schema")
    if schema is None:
        return
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield Problem(["schema"], 'a stream\'s schema must have "type": "object" and "properties"')
        return
    for place in misshapen(schema):
        yield Problem(
            ["schema", *place], "this is not what a JSON Schema has here", "write {} for a field of any kind."
        )
    fields = schema["properties"]
    keys = [("primary_key", key) for key in stream.get("primary_key", ())]
    keys += [("replication", stream["replication"]["key"])] if "replication" in stream else []
    for option, key in keys:
        if key not in fields:
            yield Problem([option], f'the schema has no field "{key}"', did_you_mean(key, list(fields)))


def _jmespath_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    for path, text in _jmespaths(stream):
        try:
            jmespath.compile(text)
        except JMESPathError as error:
            yield Problem(path, f"not a JMESPath: {str(error).splitlines()[0]}")


def _jmespaths(stream: RawStream) -> Iterator[tuple[Sequence[str | int], str]]:
    for index, rule in enumerate(stream.get("errors", ())):
        for option in ("where", "wait"):
            if isinstance(rule.get(option), str):
                yield ["errors", index, option], rule[option]
    auth = stream.get("auth", {})
    if "token_path" in auth and not auth["token_path"].startswith("header:"):
        yield ["auth", "token_path"], auth["token_path"]
    if "where" in stream:
        yield ["where"], stream["where"]
    parent = stream.get("parent")
    if isinstance(parent, dict) and "where" in parent:
        yield ["parent", "where"], parent["where"]


_RULES = (
    template_problems,
    *TRAVERSAL_RULES,
    _pagination_problems,
    auth_problems,
    _path_problems,
    _header_problems,
    limit_problems,
    error_problems,
    _schema_problems,
    _jmespath_problems,
    body_problems,
    format_problems,
    field_problems,
)
