"""The last build of a dataset, and what it would be built from now, become why it has to be built again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.sandbox import join_name
from lake.zones.inputs import is_same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lake.zones.definition import Definition
    from lake.zones.inputs import Input
    from target_datalake.commits import Build, BuildInput, Commit


def last_build(commits: Sequence[Commit], dataset: str) -> Commit | None:
    """Return the commit that made the version which readers see; None if there is none."""
    if not commits or dataset not in commits[-1].schemas:
        return None  # never built, or dropped since
    return next((commit for commit in reversed(commits) if commit.build is not None), None)


def why_build(before: Build | None, definition: Definition, inputs: Sequence[Input], *, full: bool) -> str:
    """Return why a dataset has to be built, in a few words; empty if it need not be."""
    if before is None:
        return "new"
    if full:
        return "--full"
    if before.definition != definition.digest:
        return "its text changed"
    read = {each.name: each for each in before.inputs}
    if list(read) != list(dict.fromkeys(each.record.name for each in inputs)):
        return "its inputs are others"
    changes = (_change(read[each.record.name], each.record) for each in inputs)
    return next((change for change in changes if change), "")


def _change(before: BuildInput, now: BuildInput) -> str:
    if before.schema != now.schema:
        return f"the columns of {now.name} changed"
    return "" if is_same(before, now) else f"{now.name} changed"


def mergeable(before: Build | None, definition: Definition, inputs: Sequence[Input], *, full: bool) -> str:
    """Return the name of the input of which only new rows need be read; empty where all are to be read.

    That is so if the header asks for it and nothing else changed; what of it is new is for `only_new` to find.
    """
    if before is None or full or not definition.header.incremental or before.definition != definition.digest:
        return ""
    read = {each.name: each for each in before.inputs}
    changed = [
        each for each in inputs if each.record.name not in read or not is_same(read[each.record.name], each.record)
    ]
    if len(changed) != 1 or join_name(changed[0].table) != definition.header.incremental:
        return ""
    return changed[0].record.name
