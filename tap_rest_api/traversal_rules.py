"""Turns a merged stream's ways of being walked into problems: its parents, partitions and replication."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_rest_api.instants import parse_duration, parse_instant
from tap_rest_api.keys import is_zone
from tap_rest_api.problem import Problem, parent_field_problems, parent_name, partition_names
from tap_rest_api.template import did_you_mean, names_of, references_of
from tap_rest_api.traversal import SHIFTING, to_partitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.problem import RawStream


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


def _partition_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Hold partitions against each other, and against the request that is made for each of them."""
    raw = stream.get("partitions")
    if raw is None:
        return
    partitions = to_partitions(raw)
    names = list(partitions[0])
    for index, partition in enumerate(partitions):
        if set(partition) != set(names):
            fix = f"give each: {', '.join(names)}."
            yield Problem(["partitions", index], "the partitions do not all have the same names", fix)
            return
    secret = references_of("partition", stream.get("auth"))
    own = [name for name in stream.get("identity", names) if name in names and name not in secret]
    identities = [tuple(str(partition[name]) for name in own) for partition in partitions]
    if len(set(identities)) < len(identities):
        fix = "give each another value of a name that identity takes, and that is no credential."
        yield Problem(["partitions"], "two partitions cannot be told apart", fix)
    if not _partition_names_used(stream) & set(names):
        fix = f"put ${{partition.{names[0]}}} where the API expects it."
        yield Problem(["partitions"], "no request depends on the partition", fix)


def _partition_names_used(stream: RawStream) -> set[str]:
    return names_of("partition", stream) | references_of("partition", [stream.get("auth"), stream.get("add")])


def _batch_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    options = stream.get("parent")
    if not isinstance(options, dict):
        return
    if "read" in options and "replication" not in streams.get(options["stream"], {}):
        message = f'"read" means nothing here: "{options["stream"]}" has no replication, so all of it is read'
        yield Problem(["parent", "read"], message, "leave it out.")
    if "batch" not in options:
        return
    if "keep" in options:
        fix = "leave it out, or read one parent at a time."
        yield Problem(["parent", "keep"], "what a batch of parents gives cannot be told apart", fix)
    if not names_of("parent", stream):
        yield Problem(["parent", "batch"], "the request does not name the parents", "use ${parent.id} in it.")
    for path, value in (["identity"], "identity" in stream), (["replication", "state"], _state(stream) == "partition"):
        if value:
            fix = "leave it out: parents that are read in batches share one bookmark."
            yield Problem(path, "a batch of parents has no bookmark of its own", fix)


def _state(stream: RawStream) -> Any:
    return stream.get("replication", {}).get("state")


def _identity_problems(stream: RawStream, streams: Mapping[str, RawStream]) -> Iterator[Problem]:
    """Ask for what tells one bookmark from another."""
    parent, names = streams.get(parent_name(stream) or ""), stream.get("identity")
    has_bookmarks = "replication" in stream and _state(stream) != "stream"
    if names is not None:
        known = partition_names(stream, streams)
        if not has_bookmarks or (parent is None and not known):
            fix = "leave it out: there is one bookmark at most."
            yield Problem(["identity"], "there are no bookmarks to be told apart", fix)
        secret = references_of("partition", stream.get("auth"))
        for index, name in enumerate(names):
            if name in secret:
                fix = "name what the credentials belong to instead."
                yield Problem(["identity", index], f'"{name}" is a credential, and would stand in the STATE', fix)
            if parent is None and known and name not in known:
                yield Problem(["identity", index], f'the partitions have no "{name}"', did_you_mean(name, known))
    elif has_bookmarks and parent is not None and not parent.get("primary_key") and not _is_batched(stream):
        message = f'the parent "{parent["name"]}" has no "primary_key", so its bookmarks cannot be told apart'
        yield Problem(["parent"], message, 'add it, or "identity", or set "replication.state" to "stream".')


def _is_batched(stream: RawStream) -> bool:
    parent = stream.get("parent")
    return isinstance(parent, dict) and "batch" in parent


def _replication_problems(stream: RawStream, _: Mapping[str, RawStream]) -> Iterator[Problem]:
    options = stream.get("replication")
    if options is None:
        return
    path = ["replication"]
    if options.get("filter") == "server" and "start" not in names_of("sync", stream):
        fix = "put ${sync.start} where the API expects it."
        yield Problem([*path, "filter"], 'filter "server", but the request has no ${sync.start}', fix)
    if "state" in options and parent_name(stream) is None and "partitions" not in stream:
        yield Problem([*path, "state"], "state per parent without a parent", 'leave "state" out.')
    yield from _form_problems(options)
    yield from _time_problems(options)
    yield from _bound_problems(options, names_of("sync", stream))
    yield from _reanchor_problems(stream, options)


def _reanchor_problems(stream: RawStream, options: RawStream) -> Iterator[Problem]:
    """Refuse the option where pages are never read again, or could not be."""
    wanted, path = options.get("reanchor"), ["replication", "reanchor"]
    is_sorted, has_start = options.get("sorted") == "asc", "start" in names_of("sync", stream)
    kind = stream.get("pagination", {}).get("type", "auto")
    if wanted is False and not is_sorted and "window" not in options:
        yield Problem(path, "pages are read again only where they are sorted, or have a window", "leave it out.")
    if wanted is True and "primary_key" not in stream:
        yield Problem(path, "what is read again can only be told by a primary key", "add a primary_key.")
    if wanted is True and not (is_sorted and has_start) and kind not in ("auto", *SHIFTING):
        fix = "leave it out: rows that leave their place move no others over the edge of such a page."
        yield Problem(path, f'pagination "{kind}" has nothing to read again', fix)


def _form_problems(options: RawStream) -> Iterator[Problem]:
    """Hold the formats, the zone and the start against each other."""
    formats = options.get("format", "iso")
    formats = [formats] if isinstance(formats, str) else formats
    for form in formats:
        if form not in ("iso", "epoch", "epoch_ms") and not _is_pattern(form):
            fix = "one of: iso, epoch, epoch_ms, or a strptime pattern such as %d.%m.%Y."
            yield Problem(["replication", "format"], f'"{form}" is not a format', fix)
    if "timezone" in options:
        if not is_zone(options["timezone"]):
            fix = 'write it like "Europe/Berlin".'
            yield Problem(["replication", "timezone"], f'there is no time zone "{options["timezone"]}"', fix)
        if set(formats) <= {"epoch", "epoch_ms"}:
            yield Problem(["replication", "timezone"], "an epoch has no time zone", "leave it out.")
    start = options.get("start")
    if isinstance(start, str) and formats != ["iso"] and parse_instant(start) is None:
        yield Problem(["replication", "start"], "start is not a date-time", 'write it like "2024-01-31T00:00:00Z".')


def _is_pattern(form: str) -> bool:
    try:
        moment = datetime(2024, 1, 31, tzinfo=UTC)
        return "%" in form and bool(datetime.strptime(moment.strftime(form), form))  # noqa: DTZ007 - only tried
    except ValueError:
        return False


def _time_problems(options: RawStream) -> Iterator[Problem]:
    """Hold the durations against each other, and against a key of numbers, which has no time."""
    for name, least in (("lookback", "PT5M"), ("window", "P7D"), ("delay", "PT2M"), ("granularity", "PT1S")):
        text = options.get(name)
        duration = parse_duration(text) if isinstance(text, str) else None
        if isinstance(text, str) and duration is None:
            fix = f'write it like "{least}" or "P7D"; months and years have no fixed length.'
            yield Problem(["replication", name], f"{name} is not a duration", fix)
        if name in ("window", "granularity") and duration == timedelta():
            yield Problem(["replication", name], f"{name} is no time at all", f'write it like "{least}".')
    is_number = isinstance(options.get("start"), (int, float)) and options.get("format", "iso") == "iso"
    for name in ("window", "delay", "granularity"):
        if name in options and is_number:
            fix = 'leave it out, or set "format" to epoch or epoch_ms.'
            yield Problem(["replication", name], f"{name} is a time, but the key is a number", fix)


def _bound_problems(options: RawStream, names: set[str]) -> Iterator[Problem]:
    for name in ("bounds", "granularity", "window"):
        if name in options and "start" not in names:
            fix = "leave it out, or put ${sync.start} where the API expects it."
            yield Problem(["replication", name], f"{name} is about what the API is asked for, which is no bound", fix)


TRAVERSAL_RULES = (
    _parent_problems,
    _keep_problems,
    _partition_problems,
    _batch_problems,
    _identity_problems,
    _replication_problems,
)
