"""Turns the address of an endpoint into a Draft of a configuration for it, each guess tried before it is believed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import BodyError, ConfigError, RefusedError
from tap_rest_api.infer import infer_schema
from tap_rest_api.probe.address import parse_address
from tap_rest_api.probe.asker import Asker
from tap_rest_api.probe.credentials import to_credentials
from tap_rest_api.probe.draft import Draft
from tap_rest_api.probe.hints import sizes
from tap_rest_api.probe.keys import find_primary_key, find_unique_pairs, unique_fields
from tap_rest_api.probe.notes import Notes
from tap_rest_api.probe.paging import Paging, Prober
from tap_rest_api.probe.refusals import refusal
from tap_rest_api.probe.replicating import distinct, replicate
from tap_rest_api.probe.sight import NoRecordsError, look
from tap_rest_api.verdict import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_rest_api.probe.asker import World
    from tap_rest_api.probe.sight import Sight

_UNTOLD = "what changed cannot be told from what is new"
_FEW = 3  # records that are too few to tell a key from an accident
_UNTOLD_HOSTS = frozenset({"api", "www", "rest", "data", "v1", "v2", "v3"})


def explore(url: str, auth: str | None, headers: Sequence[str], name: str | None, world: World) -> Draft:
    """Ask an endpoint a few things.

    Args:
        url: The endpoint.
        auth: As `credentials.FORMS` shows.
        headers: Each "Name: value".
        name: What to call the stream; by default as the URL's last part.
        world: What a probe needs from outside.

    Raises:
        ConfigError: The URL or an option is not understood, or the answer has no records.
        CredentialsError: The API wants credentials, or others.
        RefusedError: The API says no, or cannot be reached.
    """
    address = parse_address(url)
    credentials = to_credentials(auth, headers, address.secret_params)
    tap: dict[str, Any] = {"base_url": address.base_url}
    if credentials.auth:
        tap["auth"] = credentials.auth
    raw: dict[str, Any] = {"name": name or address.name, "path": address.path}
    raw |= {"headers": credentials.headers} if credentials.headers else {}
    raw |= {"params": address.params} if address.params else {}
    notes, asker = Notes(), Asker(tap, world)
    first = _see_first(asker, raw, has_credentials=bool(credentials.auth))
    _note_records(first, notes)
    if first.records_path is not None:
        raw["records"] = first.records_path
    key = _choose_key(first, raw, notes)
    paging = _page(asker, raw, first, key, notes)
    stream = _with_paging(raw, paging)
    records = [record for sight in paging.sights for record in sight.records]
    if key and not _still_tells_apart(records, key[0]):
        notes.doubt(
            "primary key", f'"{key[0]}" is null, or comes twice, on the pages that followed', "set primary_key by hand."
        )
        key = []
    schema = infer_schema(distinct(records), key)
    stream |= {"primary_key": key} if key else {}
    stream |= replicate(asker, stream, first, records, schema, notes)
    draft_stream = {field: stream[field] for field in _ORDER if field in stream}
    return Draft(to_source_name(address.host), {**tap, "streams": [draft_stream]}, {raw["name"]: schema}, notes)


_ORDER = ("name", "path", "params", "headers", "records", "primary_key", "pagination", "replication", "errors")


def _see_first(asker: Asker, raw: Mapping[str, Any], *, has_credentials: bool) -> Sight:
    try:
        response, _ = asker.ask(raw, "the endpoint itself")
    except RefusedError as error:
        if "allowed_hosts" in error.fix:  # what a run could do is no help before there is a configuration
            error.fix = "if that is where the API lives, start again with its address."
        raise
    if (no := refusal(response, has_credentials=has_credentials)) is not None:
        raise no
    try:
        return look(response, raw["name"])
    except BodyError as error:
        raise RefusedError(f"{error.message}: {excerpt(response)}", where=response.url, fix=_NOT_JSON_FIX) from None
    except NoRecordsError as error:
        raise ConfigError(f"the answer is {error}", where=response.url, fix=error.fix) from None


_NOT_JSON_FIX = "the tap reads JSON, JSON Lines and CSV by themselves; look for an address that answers so."


def _note_records(first: Sight, notes: Notes) -> None:
    place = "the body itself is the array" if first.records_path is None else f'at "{first.records_path}"'
    if first.is_single:
        notes.doubt(
            "records",
            "the answer is one object, which is taken for the only record",
            "ask for the list, if there is one.",
        )
        return
    notes.found("records", f"{place}; {first.count} on the first page")
    if first.others:
        others = ", ".join(f'"{path}"' for path in first.others)
        notes.doubt(
            "records", f"there are other arrays of objects: {others}", 'set "records" to the one that you want.'
        )
    if not first.records:
        fix = "ask for one that has records, or write a schema; without one, no field is known before a run."
        notes.doubt("schema", "the list is empty, so that nothing can be learnt from it", fix)


def _choose_key(first: Sight, raw: Mapping[str, Any], notes: Notes) -> list[str]:
    if not first.records:
        return []
    key = find_primary_key(first.records, raw["name"])
    if key is None:
        why, fix = _no_key(first.records, raw["name"])
        notes.doubt("primary key", why, fix)
        return []
    notes.found("primary key", f'"{key}", in all {first.count} records, never null, never twice')
    if first.count < _FEW:
        few = "one record is" if first.count == 1 else f"{first.count} records are"
        notes.doubt("primary key", f"{few} too few to tell", "look whether it is one, in catalog.json.")
    return [key]


def _no_key(records: Sequence[Mapping[str, Any]], stream: str) -> tuple[str, str]:
    """Tell why there is none, and what may be done about it."""
    fix = f'set "primary_key" if records have one; without it, {_UNTOLD}.'
    if unique := ", ".join(f'"{name}"' for name in unique_fields(records)[:5]):
        return f"no field is named like one; never twice on the first page: {unique}", fix
    pairs = find_unique_pairs(records, stream)[:3] if len(records) >= _FEW else []
    if not pairs:
        return "no field is never twice", fix
    shown = "; ".join(f'"{one}" and "{other}"' for one, other in pairs)
    why = f"no field is never twice; together, on the first page, these are not: {shown}"
    return why, f'if one of these is no accident: "primary_key": {json.dumps(pairs[0])}; without one, {_UNTOLD}.'


def _still_tells_apart(records: Sequence[Mapping[str, Any]], key: str) -> bool:
    values = [repr(record.get(key)) for record in distinct(records)]
    return len(set(values)) == len(values) and repr(None) not in values


def _page(asker: Asker, raw: dict[str, Any], first: Sight, key: Sequence[str], notes: Notes) -> Paging:
    if not first.records:
        notes.doubt("pagination", "an empty list does not show it", "ask for one that has records.")
    if first.is_single or not first.records:
        return Paging({}, sights=[first])
    prober = Prober(asker, raw, first, key, notes)
    paging = prober.find()
    if "pagination" in paging.options:
        return prober.enlarge(paging)
    if not any(doubt.what == "pagination" for doubt in notes.doubts):
        tried = f"; {prober.tries} requests for another page changed nothing" if prober.tries else ""
        size, other = sizes(first, raw.get("params", {}), "page")[:2]
        notes.doubt(
            "pagination",
            f"{first.count} records came, and no sign of more{tried}; it is left to what each run's first page shows",
            f'if there are more: look up its parameter, raise the page size ({size}, {other}, …), or set "pagination".',
        )
    return paging


def _with_paging(raw: Mapping[str, Any], paging: Paging) -> dict[str, Any]:
    params = {name: value for name, value in raw.get("params", {}).items() if name not in paging.named}
    stream = {name: value for name, value in raw.items() if name != "params"}
    return {**stream, **({"params": params} if params else {}), **paging.options}


def to_source_name(host: str) -> str:
    """Make a source's name of a host: "github" of api.github.com."""
    if re.fullmatch(r"[\d.]+|.*:.*|localhost", host):
        return "local"
    labels = [label for label in host.lower().split(".")[:-1] or [host.lower()] if label not in _UNTOLD_HOSTS]
    return re.sub(r"[^a-z0-9_-]+", "_", labels[-1] if labels else host.lower())
