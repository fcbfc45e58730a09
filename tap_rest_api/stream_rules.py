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
from tap_rest_api.problem import (
    Problem,
    header_text_problems,
    ignored_options,
    parent_field_problems,
    parent_name,
)
from tap_rest_api.record_rules import body_problems, field_problems, format_problems, mask_key_problems
from tap_rest_api.template import did_you_mean, names_of
from tap_rest_api.template_rules import literal_problems, template_problems

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
    "link": {"next", "size", "size_param", "total", "max_pages"},
}


def stream_problems(merged: RawStream) -> Iterator[Problem]:
    """Yield every problem of a document that its schema has already accepted."""
    yield from _base_problems(merged)
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
    if "start_date" in merged and parse_instant(merged["start_date"]) is None:
        yield Problem(["start_date"], "start_date is not a date-time", 'write it like "2024-01-31T00:00:00Z".')


def _name_problems(streams: Sequence[RawStream]) -> Iterator[Problem]:
    names: list[str] = []
    for index, stream in enumerate(streams):
        if stream["name"] in names:
            message = f'two streams have the name "{stream["name"]}"'
            yield Problem(["streams", index, "name"], message, "give each its own name.")
        names.append(stream["name"])


def _parent_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    chain = [stream["name"]]
    parent = parent_name(stream)
    while parent is not None:
        if parent not in streams:
            yield Problem(["parent"], f'there is no stream "{parent}"', did_you_mean(parent, list(streams)))
            return
        if parent in chain:
            yield Problem(["parent"], f"the parents form a ring: {' → '.join([*chain, parent])}")
            return
        chain.append(parent)
        parent = parent_name(streams[parent])


def _keep_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    parent = stream.get("parent")
    kept = parent.get("keep", {}) if isinstance(parent, dict) else {}
    own_fields = stream.get("schema", {}).get("properties")
    for name, path in kept.items():
        if own_fields is not None and name not in own_fields:
            message = f'the schema does not declare "{name}", which the parent gives'
            yield Problem(["parent", "keep", name], message, f'add "{name}" to the schema\'s properties.')
        yield from parent_field_problems(stream, streams, path, ["parent", "keep", name])


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


def _header_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    for name, value in stream.get("headers", {}).items():
        yield from header_text_problems(name, ["headers", name])
        yield from header_text_problems(str(value), ["headers", name])


def _identity_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Ask for what tells one parent's bookmark from another's."""
    options, parent = stream.get("replication"), streams.get(parent_name(stream) or "")
    if options is None or parent is None or options.get("state") == "stream" or parent.get("primary_key"):
        return
    message = f'the parent "{parent["name"]}" has no "primary_key", so its bookmarks cannot be told apart'
    yield Problem(["parent"], message, 'add it, or set "replication.state" to "stream".')


def _replication_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    options = stream.get("replication")
    if options is None:
        return
    path = ["replication"]
    if options.get("filter") == "server" and "start" not in names_of("sync", stream):
        fix = "put ${sync.start} where the API expects it."
        yield Problem([*path, "filter"], 'filter "server", but the request has no ${sync.start}', fix)
    if "state" in options and parent_name(stream) is None:
        yield Problem([*path, "state"], "state per parent without a parent", 'leave "state" out.')
    lookback = options.get("lookback")
    if isinstance(lookback, str) and parse_duration(lookback) is None:
        fix = 'write it like "PT5M" or "P7D"; months and years have no fixed length.'
        yield Problem([*path, "lookback"], "lookback is not a duration", fix)
    start = options.get("start")
    if isinstance(start, str) and options.get("format", "iso") != "iso" and parse_instant(start) is None:
        yield Problem([*path, "start"], "start is not a date-time", 'write it like "2024-01-31T00:00:00Z".')


def _schema_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    schema = stream.get("schema")
    if schema is None:
        return
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield Problem(["schema"], 'a stream\'s schema must have "type": "object" and "properties"')
        return
    fields = schema["properties"]
    keys = [("primary_key", key) for key in stream.get("primary_key", ())]
    keys += [("replication", stream["replication"]["key"])] if "replication" in stream else []
    for option, key in keys:
        if key not in fields:
            yield Problem([option], f'the schema has no field "{key}"', did_you_mean(key, list(fields)))


def _path_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
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
    _parent_problems,
    _keep_problems,
    _identity_problems,
    _pagination_problems,
    auth_problems,
    _header_problems,
    _replication_problems,
    limit_problems,
    error_problems,
    _schema_problems,
    _path_problems,
    body_problems,
    format_problems,
    field_problems,
)
