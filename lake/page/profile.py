"""The rows of a dataset become a profile of each column: how much is missing, how it varies, how it is spread.

Two passes over the rows, each one query of DuckDB over a stream of batches, so that memory is bounded whatever the
number of rows is: the first counts and finds the range, the second fills the bars, whose bounds the first has found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from lake.errors import QueryError
from lake.page.scale import DAY_SECONDS, cut
from lake.page.values import to_cell
from lake.sandbox import sandbox
from lake.tables import explained_damage
from target_datalake.errors import StorageError
from target_datalake.widening import is_json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow.dataset as ds

    from lake.page.scale import Scale
    from target_datalake.storage import Storage

Kind = Literal["number", "time", "text", "flag", "nested"]

MAX_VALUES = 8
"""Values that are shown as bars, the commonest ones."""

_FEW = 50
"""A column with no more values than this is shown value by value."""

_ALIKE = 3
"""Rows that share a number, on average, where numbers are shown one by one rather than by range."""

_EXACT_ROWS = 100_000
"""Up to so many rows distinct values are counted one by one; past it DuckDB's sketch estimates them, to about 5%."""

_BATCH_ROWS = 16_384
_MEMORY_LIMIT = "1GB"


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: what it counts, and how many rows that are."""

    label: str
    rows: int


@dataclass(frozen=True)
class ColumnProfile:
    """What the rows hold in one column.

    Attributes:
        kind: What its values are.
        nulls: Rows without a value.
        distinct: How many different values there are; None where they are nested.
        exact: Whether `distinct` is counted rather than estimated.
        low: The least value, as text; empty where there is none, or none is to be shown.
        high: The greatest one.
        bars: Values by range, in its order, or the commonest values; empty where neither says anything.
        by_range: Whether each bar is a range.
    """

    kind: Kind
    nulls: int
    distinct: int | None = None
    exact: bool = True
    low: str = ""
    high: str = ""
    bars: tuple[Bar, ...] = ()
    by_range: bool = False


@dataclass(frozen=True)
class Profile:
    """How many rows were read, and what they hold by column."""

    rows: int
    columns: Mapping[str, ColumnProfile]


@dataclass(frozen=True)
class _Column:
    """A column on its way through the two passes; `handle` is its name in SQL.

    Its unit is 1 for whole numbers, a day in seconds for dates: a bar never ends within one. Elsewhere it is 0.
    """

    handle: str
    name: str
    kind: Kind
    unit: int

    @property
    def measure(self) -> str:
        """Return the column as a number, in SQL: moments as seconds."""
        return f"epoch({self.handle})" if self.kind == "time" else f"{self.handle}::DOUBLE"

    @property
    def is_finite(self) -> str:
        """Return the condition, in SQL, under which it is a number with a place on a scale."""
        return f"isfinite({self.measure})"


def profile_rows(storage: Storage, rows: ds.Dataset, names: Sequence[str], *, values: bool) -> Profile:
    """Read rows twice, and return what they hold.

    Args:
        storage: The lake, for messages about damage.
        rows: The rows.
        names: The columns to look at.
        values: Give values too; without, nothing of the profile is a record's own: no least, greatest or common one.

    Raises:
        StorageError: A file is missing or damaged.
    """
    columns = [_to_column(f"c{number}", rows.schema.field(name)) for number, name in enumerate(names)]
    with explained_damage(storage, "landing"):
        total: int = rows.count_rows()
    if not columns or not total:
        return Profile(total, {column.name: ColumnProfile(column.kind, 0) for column in columns})
    exact = total <= _EXACT_ROWS
    counts = _ask(storage, rows, columns, [text for each in columns for text in _counts(each, exact=exact)])
    bars = {each.handle: text for each in columns if (text := _bars(each, counts))}
    filled = _ask(storage, rows, columns, [f"{text} AS {handle}" for handle, text in bars.items()]) if bars else {}
    profiles = {each.name: _to_profile(each, counts, filled.get(each.handle), total) for each in columns}
    return Profile(total, {name: _shown(each, exact=exact, values=values) for name, each in profiles.items()})


def _to_column(handle: str, field: pa.Field) -> _Column:
    unit = 1 if pa.types.is_integer(field.type) else DAY_SECONDS if pa.types.is_date(field.type) else 0
    return _Column(handle, field.name, _kind(field), unit)


def _kind(field: pa.Field) -> Kind:
    if is_json_text(field):
        return "nested"
    return next((kind for kind, tests in _KINDS.items() if any(test(field.type) for test in tests)), "nested")


def _counts(column: _Column, *, exact: bool) -> Iterator[str]:
    """Yield what the first pass asks of a column."""
    handle = column.handle
    yield f"count({handle}) AS {handle}_count"
    if column.kind == "nested":
        return
    yield f"{f'count(DISTINCT {handle})' if exact else f'approx_count_distinct({handle})'} AS {handle}_distinct"
    if column.kind == "text":
        yield f"left(min({handle}), 200) AS {handle}_low"
        yield f"left(max({handle}), 200) AS {handle}_high"
        return
    as_text = _as_text(column)
    yield f"min({handle}){as_text} AS {handle}_low"
    yield f"max({handle}){as_text} AS {handle}_high"
    if column.kind in {"number", "time"}:
        yield f"min({column.measure}) FILTER (WHERE {column.is_finite}) AS {handle}_from"
        yield f"max({column.measure}) FILTER (WHERE {column.is_finite}) AS {handle}_to"


def _bars(column: _Column, counts: Mapping[str, Any]) -> str:
    """Return what the second pass asks of a column: a map from value or bin to rows; empty for nothing."""
    scale = _scale(column, counts)
    if scale:
        place = f"floor(({column.measure} - {scale.low!r}) / {scale.step!r})"
        bounded = f"greatest(least({place}, {scale.bins - 1}), 0)"
        return f"histogram({bounded}::INTEGER) FILTER (WHERE {column.is_finite})"
    return f"histogram({column.handle}{_as_text(column)})" if _is_by_value(column, counts) else ""


def _as_text(column: _Column) -> str:
    """Return what makes a text of a column's moments, in SQL: those of Python end with the year 9999."""
    return "::VARCHAR" if column.kind == "time" else ""


def _is_by_value(column: _Column, counts: Mapping[str, Any]) -> bool:
    distinct, count = counts.get(f"{column.handle}_distinct") or 0, counts[f"{column.handle}_count"]
    if column.kind in {"text", "flag"}:
        return 0 < distinct <= _FEW
    return distinct == 1 or 0 < distinct <= min(MAX_VALUES, count / _ALIKE)


def _scale(column: _Column, counts: Mapping[str, Any]) -> Scale | None:
    """Return how the range of a column is cut into bars; None where its values are shown one by one, or not at all."""
    low, high = counts.get(f"{column.handle}_from"), counts.get(f"{column.handle}_to")
    if low is None or high is None or _is_by_value(column, counts):
        return None
    return cut(low, high, column.unit)


def _to_profile(column: _Column, counts: Mapping[str, Any], filled: Any, total: int) -> ColumnProfile:
    found, scale = dict(filled or ()), _scale(column, counts)
    if scale:
        labels = scale.moment_labels() if column.kind == "time" else scale.labels()
        bars = tuple(Bar(label, found.get(number, 0)) for number, label in enumerate(labels))
    else:
        bars = _common(found, by_count=column.kind == "text")
    return ColumnProfile(
        kind=column.kind,
        nulls=total - counts[f"{column.handle}_count"],
        distinct=counts.get(f"{column.handle}_distinct"),
        low=to_cell(counts.get(f"{column.handle}_low")),
        high=to_cell(counts.get(f"{column.handle}_high")),
        bars=bars if any(bar.rows > 1 for bar in bars) else (),
        by_range=scale is not None,
    )


def _shown(profile: ColumnProfile, *, exact: bool, values: bool) -> ColumnProfile:
    """Return a profile with what of it may be shown: without values, the shape of a range has no labels."""
    if values:
        return replace(profile, exact=exact)
    bars = tuple(Bar("", bar.rows) for bar in profile.bars) if profile.by_range else ()
    return replace(profile, exact=exact, low="", high="", bars=bars)


def _common(found: Mapping[Any, int], *, by_count: bool) -> tuple[Bar, ...]:
    """Return a bar for each of the commonest values: those of a scale in its order."""
    common = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]
    return tuple(Bar(to_cell(value), rows) for value, rows in (common if by_count else sorted(common)))


def _ask(storage: Storage, rows: ds.Dataset, columns: Sequence[_Column], wanted: Sequence[str]) -> dict[str, Any]:
    """Ask once over all rows, in small batches and with little read ahead."""
    damages: list[StorageError] = []
    scanner = rows.scanner(
        columns={each.handle: pc.field(each.name) for each in columns},
        batch_size=_BATCH_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
    )

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            with explained_damage(storage, "landing"):
                yield from scanner.to_batches()
        except StorageError as damage:  # DuckDB would make a text of it
            damages.append(damage)
            raise

    reader = pa.RecordBatchReader.from_batches(scanner.projected_schema, batches())
    try:
        with sandbox({("", "rows"): reader}, memory_limit=_MEMORY_LIMIT) as connection:
            answer = connection.sql(f"SELECT {', '.join(wanted)} FROM rows").to_arrow_table()  # noqa: S608 - our own
    except QueryError:
        if damages:
            raise damages[0] from None
        raise
    found: dict[str, Any] = answer.to_pylist()[0]
    return found


_KINDS: dict[Kind, tuple[Any, ...]] = {
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    "time": (pa.types.is_timestamp, pa.types.is_date, pa.types.is_time),
    "text": (pa.types.is_string, pa.types.is_large_string),
    "flag": (pa.types.is_boolean,),
}
