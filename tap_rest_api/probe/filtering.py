"""Turns a field that may say when records changed into how the API filters by it, if it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import BodyError, ConfigError, RefusedError
from tap_rest_api.instants import format_instant, instant_of
from tap_rest_api.probe.sight import NoRecordsError, look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_rest_api.probe.asker import Asker
    from tap_rest_api.probe.keys import Moment
    from tap_rest_api.probe.sight import Sight

_NAMES = (
    "{word}_since {word}_after since {key}_after {key}_since since_{key} min_{key} "
    "{key}_gte {key}__gte {key}_min {key}[gte] {word}_from from start_date modified_since"
).split()
_FORMS: Mapping[str, tuple[str, str | int]] = {
    "date-time": ("${sync.start}", "2999-12-31T00:00:00Z"),
    "date": ("${sync.start|%Y-%m-%d}", "2999-12-31"),
    "epoch": ("${sync.start|epoch}", 32_503_593_600),
    "epoch_ms": ("${sync.start|epoch_ms}", 32_503_593_600_000),
}
"""How a parameter is given a start, by how the field writes its moments; and a start far in the future."""

_ENOUGH_TO_SEE_ORDER = 20
_OK = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """How an API filters by a key.

    Attributes:
        param: The parameter.
        template: What it takes.
        counts_start_in: Whether a record at the start itself comes too.
    """

    param: str
    template: str
    counts_start_in: bool


@dataclass(frozen=True, slots=True)
class FilterProber:
    """Asks whether an API filters by a field."""

    asker: Asker
    raw: dict[str, Any]
    first: Sight

    def find(self, moment: Moment) -> Filter | None:
        """Ask for a far future by all likely names at once; if nothing comes, find the name, then try a real start."""
        key, (template, future) = moment.name, _FORMS[moment.form]
        word = key.lower().replace("last_", "").removesuffix("_at").removesuffix("_on").removesuffix("at")
        taken = self.raw.get("params", {})
        names = [name for name in dict.fromkeys(n.format(key=key, word=word) for n in _NAMES) if name not in taken]
        if not self._leaves_nothing(names, future, key):
            return None
        while len(names) > 1:
            half = names[: len(names) // 2]
            names = half if self._leaves_nothing(half, future, key) else names[len(half) :]
        return self._prove(names[0], template, key)

    def _leaves_nothing(self, names: Sequence[str], future: str | int, key: str) -> bool:
        shown = f'"{names[0]}"' if len(names) == 1 else f"one of {len(names)} usual names"
        why = f'does {shown} leave out what is before a start, by "{key}"?'
        seen = self._see({**self.raw, "params": {**self.raw.get("params", {}), **dict.fromkeys(names, future)}}, why)
        return seen is not None and seen.count == 0

    def _prove(self, name: str, template: str, key: str) -> Filter | None:
        """Start at a value that the first page has: all that comes must be at or after it, and something must."""
        begun = instant_of(sorted(record[key] for record in self.first.records)[len(self.first.records) // 2])
        if begun is None:
            return None
        draft = {**self.raw, "params": {**self.raw.get("params", {}), name: template}, "replication": {"key": key}}
        seen = self._see(draft, f'and what is after the middle of the first page, by "{name}"?', format_instant(begun))
        if seen is None or not seen.records:
            return None
        moments = [instant_of(record.get(key)) for record in seen.records]
        if any(moment is None or moment < begun for moment in moments):
            return None
        return Filter(name, template, counts_start_in=any(moment == begun for moment in moments))

    def _see(self, draft: Mapping[str, Any], why: str, start: str | None = None) -> Sight | None:
        try:
            response, _ = self.asker.ask(draft, why, start=start)
            return look(response, self.raw["name"], self.first.records_path) if response.status == _OK else None
        except (NoRecordsError, BodyError, ConfigError, RefusedError):
            return None


def template_of(moment: Moment) -> str:
    """Return what a parameter is to be given."""
    return _FORMS[moment.form][0]


def is_ascending(records: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Tell whether enough records show that they come in the order of a field."""
    moments = [instant_of(record.get(key)) for record in records]
    known = [moment for moment in moments if moment is not None]
    return len(set(known)) >= _ENOUGH_TO_SEE_ORDER and len(known) == len(moments) and known == sorted(known)
