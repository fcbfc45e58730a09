"""A name in a query becomes the one dataset that it means, among what landed, is defined or was built."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from lake.errors import UnknownDatasetError
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.dataset import Dataset
    from lake.sandbox import Name
    from lake.zones.definition import Definition


class Names:
    """The full names of all datasets, by what they may be called.

    Args:
        datasets: What is in the lake.
        definitions: What is defined, built or not.
    """

    def __init__(self, datasets: Iterable[Dataset], definitions: Iterable[Definition]) -> None:
        self._found: dict[Name, dict[str, None]] = {}
        for dataset in datasets:
            self._add(dataset.zone, dataset.stream, dataset.name)
            if dataset.zone == "landing":
                self._add("landing", f"{dataset.source}.{dataset.stream}", dataset.name)
        for definition in definitions:
            self._add(definition.zone, definition.dataset, definition.name)

    def _add(self, zone: str, name: str, full_name: str) -> None:
        self._found.setdefault((zone, name), {})[full_name] = None

    def resolve(self, table: Name) -> str:
        """Return the full name of a dataset by its zone (empty: landing, then clean, then business) and name.

        Raises:
            UnknownDatasetError: There is none, or there are two; says which it may have meant.
        """
        zone, name = table
        zones = (zone,) if zone else ("landing", *layout.ZONES)
        found = next((self._found[each, name] for each in zones if (each, name) in self._found), {})
        if len(found) == 1:
            return next(iter(found))
        shown = f"{zone}.{name}" if zone else name
        if found:
            fix = f"use one of: {', '.join(map(_in_sql, found))}"
            raise UnknownDatasetError(f"more than one dataset is named {shown!r}", fix=fix)
        known = {".".join(each) for each in self._found} | {name for _, name in self._found}
        near = difflib.get_close_matches(shown, sorted(known), n=3)
        fix = f"did you mean {' or '.join(map(repr, near))}?" if near else "`lake catalog` lists what there is"
        raise UnknownDatasetError(f"there is no dataset {shown!r}", fix=fix)


def _in_sql(full_name: str) -> str:
    zone, _, rest = full_name.partition(".")
    return f'{zone}."{rest}"' if "." in rest else full_name
