"""Turns an OpenAPI document into a Draft of a configuration for its list operations. Nothing is asked of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.infer import infer_schema
from tap_rest_api.probe.credentials import to_credentials
from tap_rest_api.probe.draft import Draft
from tap_rest_api.probe.keys import tells_changes
from tap_rest_api.probe.notes import Notes
from tap_rest_api.spec.choose import choose
from tap_rest_api.spec.family import to_family
from tap_rest_api.spec.operations import Operation, list_operations
from tap_rest_api.spec.paging import find_filter, find_pagination, find_primary_key
from tap_rest_api.spec.reading import read_spec
from tap_rest_api.spec.servers import find_auth, find_base_url, to_short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tap_rest_api.probe.asker import World
    from tap_rest_api.spec.family import Member

_DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
_JSON_SCHEMAS_OWN = ("3.1", "3.2")
"""Versions whose schemas are JSON Schema's, as it is in this draft."""

_ORDER = (
    "name",
    "parent",
    "path",
    "params",
    "headers",
    "records",
    "primary_key",
    "pagination",
    "replication",
    "selected",
    "schema",
)


def describe(  # noqa: PLR0913 - the command line's options, all by name
    place: str,
    *,
    server: str | None,
    auth: str | None,
    headers: Sequence[str],
    named: Sequence[str],
    take_all: bool,
    ask: Callable[[str], str] | None,
    world: World,
) -> Draft:
    """Read a document and choose among its streams.

    Args:
        place: The document's path or URL.
        server: The API's address, instead of the document's.
        auth: As `credentials.FORMS` shows, instead of what the document asks for.
        headers: Each "Name: value".
        named: The streams to take.
        take_all: Whether to take all of them.
        ask: Puts a question to a person; None where there is none.
        world: What is needed from outside.

    Raises:
        ConfigError: The document cannot be used, or nobody chooses.
        RefusedError: It cannot be fetched.
    """
    document = read_spec(place, world)
    notes = Notes()
    given = to_credentials(auth, headers, {})
    base_url = find_base_url(document, place, server, notes)
    members = _members(document, place, notes)
    offered = {member.name: f"GET {member.operation.path}  {member.operation.summary}" for member in members}
    chosen = choose(offered, named, take_all=take_all, ask=ask)
    if not chosen:
        raise ConfigError("nothing was chosen", where="--openapi", fix="name streams with --stream, or take --all.")
    taken = _with_parents(members, chosen)
    tap: dict[str, Any] = {"base_url": base_url}
    if option := given.auth or find_auth(document, [member.operation.security for member in taken], notes):
        tap["auth"] = option
    if given.headers:
        tap["defaults"] = {"headers": given.headers}
    dialect = _DRAFT_2020 if str(document.get("openapi", "")).startswith(_JSON_SCHEMAS_OWN) else None
    streams = [_to_stream(member, member.name in chosen, dialect, given.headers, notes) for member in taken]
    _read_all_parents(streams)
    notes.doubt(
        "everything", "it is as the document says; nothing was asked of the API", "lake check fetches a page of each."
    )
    unknown = {stream["name"]: infer_schema([], []) for stream in streams if "schema" not in stream}
    return Draft(to_short_name(document), {**tap, "streams": streams}, unknown, notes)


def _read_all_parents(streams: Sequence[dict[str, Any]]) -> None:
    """Let children be read for all parents: no document says that a parent is marked as changed when its children are.

    A child's bookmarks need a parent that can be told from others.
    """
    by_name = {stream["name"]: stream for stream in streams}
    for stream in streams:
        parent = stream.get("parent")
        if parent is None:
            continue
        options = parent if isinstance(parent, dict) else {"stream": parent}
        above = by_name[options["stream"]]
        if "replication" in above:
            stream["parent"] = {**options, "read": "all"}
        if "primary_key" not in above:
            stream.pop("replication", None)


def _members(document: Mapping[str, Any], place: str, notes: Notes) -> list[Member]:
    found = list(list_operations(document, place))
    for word in found:
        if isinstance(word, str):
            notes.doubt("left out", word, "describe it by hand, if you need it.")
    members, why_not = to_family([operation for operation in found if isinstance(operation, Operation)])
    for path, why in why_not.items():
        notes.doubt("left out", f"GET {path}: {why}", 'describe it by hand, with "partitions" or "vars".')
    if not members:
        fix = "--init asks one endpoint instead."
        raise ConfigError("the document has no GET that is answered with a list of records", where=place, fix=fix)
    return members


def _with_parents(members: Sequence[Member], chosen: Sequence[str]) -> list[Member]:
    by_name = {member.name: member for member in members}
    wanted = set(chosen)
    for name in chosen:
        parent = by_name[name].parent
        while parent is not None:
            wanted.add(parent)
            parent = by_name[parent].parent
    return [member for member in members if member.name in wanted]


def _to_stream(
    member: Member,
    is_chosen: bool,  # noqa: FBT001
    dialect: str | None,
    given: Collection[str],
    notes: Notes,
) -> dict[str, Any]:
    operation = member.operation
    stream: dict[str, Any] = {"name": member.name, "path": member.path, "params": dict(member.params)}
    stream |= {"records": operation.records} if operation.records else {}
    if member.parent is not None:
        stream["parent"] = {"stream": member.parent, "keep": dict(member.keep)} if member.keep else member.parent
    if pagination := find_pagination(operation):
        stream["pagination"] = pagination
        stream["params"].pop(pagination.get("param", ""), None)
        stream["params"].pop(pagination.get("size_param", ""), None)
        _note_pagination(member.name, pagination, notes)
    else:
        why = "no parameter or answer of it is named like pages; it is left to what each run's first page shows"
        notes.doubt(f"{member.name}: pagination", why, 'set "pagination" if it has pages.')
    if key := find_primary_key(operation):
        stream["primary_key"] = key
    else:
        fix = 'set "primary_key" if records have one.'
        notes.doubt(f"{member.name}: primary key", "no field is named like one", fix)
    taken = {pagination.get(option, "") for option in ("param", "size_param")}
    stream |= _replication(member, stream["params"], taken, notes)
    stream["headers"] = _headers(member, given, notes)
    stream = {option: value for option, value in stream.items() if value not in ({}, None)}
    if not is_chosen:
        stream["selected"] = False
    if operation.schema.get("properties"):
        stream["schema"] = _to_schema(operation, member.keep, dialect)
    else:
        notes.doubt(
            f"{member.name}: schema", "the document names no field of its records", "lake discover looks at some."
        )
    if operation.left_out:
        why = f"the answer's says what no validator takes: {', '.join(operation.left_out)}"
        notes.doubt(f"{member.name}: schema", why, "it is left out, and nothing checks it.")
    return {field: stream[field] for field in _ORDER if field in stream}


def _headers(member: Member, given: Collection[str], notes: Notes) -> dict[str, Any]:
    """Return the headers that its requests have to have, as far as the document says what they hold."""
    known = {name.lower() for name in given}
    for name, value in member.headers.items():
        if value is None and name.lower() not in known:
            fix = f"give it to all with --header '{name}: …', or to this stream in \"headers\"."
            notes.doubt(
                f"{member.name}: headers", f"it needs the header {name}, of which nobody says what it holds", fix
            )
    return {name: str(value) for name, value in member.headers.items() if value is not None}


def _note_pagination(name: str, option: Mapping[str, Any], notes: Notes) -> None:
    by = f' by "{option["param"]}"' if "param" in option else ""
    at = f', next at "{option["next"]}"' if "next" in option else ""
    notes.found(f"{name}: pagination", f"{option['type']}{by}{at}, as names in the document tell")


def _replication(member: Member, params: dict[str, Any], taken: Collection[str], notes: Notes) -> dict[str, Any]:
    found = find_filter(member.operation, taken)
    if found is None:
        return {}
    key, param, template = found
    if not tells_changes(key):
        why = f'"{param}" may ask for what is new by "{key}", which may not move when a record changes'
        option = f'"params": {{"{param}": "{template}"}}, "replication": {{"key": "{key}"}}'
        notes.doubt(f"{member.name}: replication", why, f"each run reads all of it; if records never change: {option}.")
        return {}
    params[param] = template
    notes.found(f"{member.name}: replication", f'by "{key}", from "{param}" on, as names in the document tell')
    return {"replication": {"key": key}}


def _to_schema(operation: Operation, keep: Mapping[str, str], dialect: str | None) -> dict[str, Any]:
    schema = dict(operation.schema)
    if keep:
        schema["properties"] = {**schema["properties"], **{name: {} for name in keep}}
    return {"$schema": dialect, **schema} if dialect else schema
