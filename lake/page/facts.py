"""A dataset becomes what its page shows of it; what cannot be read becomes an error in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from lake.errors import LakeError
from lake.page.profile import Profile, profile_rows
from lake.page.run_bars import RunBar, to_run_bars
from lake.page.values import to_cell
from lake.reject_list import Filter, read_reject_list
from lake.reject_table import RejectReason, RejectTally, tally_rejects
from target_datalake.errors import StorageError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lake.dataset import Dataset
    from lake.history import History
    from lake.outline import SchemaOutline
    from lake.snapshot import StreamFacts
    from target_datalake.storage import Storage

T = TypeVar("T")

LANDING = "landing"

_MAX_RUNS = 60
"""Runs that a chart shows, the newest ones."""

_MAX_REASONS = 20
"""Reasons for rejects that are listed, the commonest ones."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of a page: what it shows, or why that cannot be shown."""

    value: T | None = None
    problem: str = ""


@dataclass(frozen=True)
class Sample:
    """Some rows as text, under the names of their columns; None is null."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class DatasetFacts:
    """What is shown of a dataset.

    Attributes:
        name: The shortest of its names that no other has.
        full_name: Its full name, as ``landing.<source>.<stream>``.
        zone: The zone it is in.
        source: The source that lands it; empty above the landing zone.
        log: What the log says of it.
        outline: Its columns and description.
        runs: What each of the last runs did to it, oldest first.
        profile: What its rows hold.
        sample: Some of its rows; None where none are to be shown.
        rejects: Why records were rejected, the commonest reason first.
    """

    name: str
    full_name: str
    zone: str
    source: str
    log: Part[StreamFacts]
    outline: Part[SchemaOutline]
    runs: Part[list[RunBar]]
    profile: Part[Profile]
    sample: Part[Sample]
    rejects: Part[list[tuple[RejectReason, RejectTally]]]

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with it, each thing once."""
        parts = (self.log, self.outline, self.runs, self.profile, self.sample, self.rejects)
        return tuple(dict.fromkeys(part.problem for part in parts if part.problem))


@dataclass(frozen=True)
class Reader:
    """Reads what pages show of the datasets of a lake.

    Attributes:
        storage: The lake.
        histories: The log of each source.
        samples: How many rows to show; with 0 nothing that is shown is a record's own value.
    """

    storage: Storage
    histories: Mapping[str, History]
    samples: int

    def read(self, name: str, dataset: Dataset) -> DatasetFacts:
        """Return what is shown of a dataset, under the name that it goes by. Raises nothing about what is damaged."""
        log = self._part(dataset.facts)
        return DatasetFacts(
            name=name,
            full_name=dataset.name,
            zone=dataset.zone,
            source=dataset.source if dataset.zone == LANDING else "",
            log=log,
            outline=self._part(lambda: dataset.outline(log.value or dataset.facts())),
            runs=self._part(lambda: to_run_bars(dataset.history())[-_MAX_RUNS:]),
            profile=self._part(lambda: self._profile(dataset)),
            sample=self._part(lambda: self._sample(dataset)) if self.samples else Part(),
            rejects=self._part(lambda: self._rejects(dataset)),
        )

    def _part(self, read: Callable[[], T]) -> Part[T]:
        try:
            return Part(read())
        except (LakeError, TargetError) as error:  # everything else of the lake is shown all the same
            return Part(problem=self.explain(error))

    def explain(self, error: LakeError | TargetError) -> str:
        """Return what is wrong, without saying where on this machine the lake is: a page may go anywhere."""
        place = error.where.removeprefix(self.storage.uri).lstrip("/")
        return f"{error.message}: {place}" if place else error.message

    def _profile(self, dataset: Dataset) -> Profile:
        """Profile the rows; begin anew when files went because a later commit took them out meanwhile."""
        while True:
            files = dataset.files()
            try:
                rows = dataset.scan()
                names = [name for name in rows.schema.names if not name.startswith("_sdc_")]
                return profile_rows(self.storage, rows, names, values=self.samples > 0)
            except StorageError:
                if dataset.files() == files:
                    raise

    def _sample(self, dataset: Dataset) -> Sample:
        head = dataset.head(self.samples)
        shown = head.select([name for name in head.column_names if not name.startswith("_sdc_")])
        columns = [[None if value is None else to_cell(value) for value in _texts(column)] for column in shown.columns]
        return Sample(tuple(shown.column_names), tuple(zip(*columns, strict=True)))

    def _rejects(self, dataset: Dataset) -> list[tuple[RejectReason, RejectTally]]:
        history = self.histories.get(dataset.source) if dataset.zone == LANDING else None
        if history is None:
            return []
        records = read_reject_list(self.storage, history, Filter(stream=dataset.stream), raw=False)
        return tally_rejects(records)[:_MAX_REASONS]


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column; moments as text, since those of Python end with the year 9999."""
    if not pa.types.is_temporal(column.type):
        return list(column.to_pylist())
    return list(pc.replace_substring_regex(column.cast(pa.string()), r"\.0+(Z?)$", r"\1").to_pylist())
