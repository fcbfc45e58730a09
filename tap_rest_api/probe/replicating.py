"""Turns the records that a probe has seen into the option "replication", if they and the API have what it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_rest_api.probe.filtering import FilterProber, is_ascending, template_of
from tap_rest_api.probe.keys import find_moments, tells_changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_rest_api.probe.asker import Asker
    from tap_rest_api.probe.notes import Notes
    from tap_rest_api.probe.sight import Sight

_FEW = 3  # records that are too few to tell a moment from an accident
_ENOUGH = 20  # integers in order that are likely given one after another


def replicate(
    asker: Asker,
    stream: dict[str, Any],
    first: Sight,
    records: Sequence[Mapping[str, Any]],
    schema: Mapping[str, Any],
    notes: Notes,
) -> dict[str, Any]:
    """Look for a field by which only what is new can be read, and for the API's own filter by it; return options."""
    moments = find_moments(records, schema) if len(records) >= _FEW else []
    if not moments:
        _note_none(stream.get("primary_key", []), distinct(records), notes)
        return {}
    moment = moments[0]
    key, form = moment.name, {"format": moment.form} if moment.form in ("epoch", "epoch_ms") else {}
    found = FilterProber(asker, stream, first).find(moment)
    if found is not None:
        notes.found("replication", f'by "{key}": "{found.param}" makes the API leave out what is before it')
        replication: dict[str, Any] = {"key": key, **form}
        if is_ascending(distinct(records), key):
            replication["sorted"] = "asc"
            notes.found(
                "order", f'the records that were seen come in the order of "{key}"; a run stops if one does not'
            )
        if not found.counts_start_in:
            replication["bounds"] = "()"
        if not tells_changes(key):
            notes.doubt("replication", f'"{key}" may not move when a record changes', "then leave replication out.")
        return {"replication": replication, "params": {**stream.get("params", {}), found.param: found.template}}
    usual = f'"params": {{"NAME": "{template_of(moment)}"}}'
    if tells_changes(key):
        why = (
            f'no usual parameter leaves out what is before a start, so old records are left out by the tap, by "{key}"'
        )
        notes.doubt("replication", why, f"each run reads all pages; if the API has a parameter for it: {usual}.")
        return {"replication": {"key": key, **form}}
    option = json.dumps({"replication": {"key": key, **form}})[1:-1]
    fix = f"if records never change, add {option}, and {usual} if the API can filter."
    notes.doubt("replication", f'"{key}" may tell what is new, but not what changed; each run reads all of it', fix)
    return {}


def _note_none(key: Sequence[str], records: Sequence[Mapping[str, Any]], notes: Notes) -> None:
    """Say that all is read, and where the keys count up, what may be done about it."""
    if not records:
        return
    none = "no date-time or epoch that tells changes is in every record"
    values = [record[key[0]] for record in records] if len(key) == 1 else []
    if len(values) >= _ENOUGH and all(isinstance(value, int) for value in values) and values == sorted(values):
        why = f'{none}; they come in the order of "{key[0]}"'
        option = {"replication": {"key": key[0], "sorted": "asc"}}
        fix = f"each run reads all of it; if records never change, add {json.dumps(option)[1:-1]}."
        notes.doubt("replication", why, fix)
        return
    notes.found("replication", f"{none}: each run reads all of it")


def distinct(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what came twice: pages that were asked for to see where others begin overlap them."""
    return list({repr(record): record for record in records}.values())
