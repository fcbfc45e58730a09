"""A Python file's `build(catalog)` gives a table, and its rows become the files of a new version."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from lake.errors import LakeError, QueryError, UnknownDatasetError
from lake.sandbox import join_name
from lake.zones.columns import check_names, to_columns
from lake.zones.engine import write_rows
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow.dataset as ds

    from lake.zones.engine import Job, Result
    from lake.zones.inputs import Input
    from lake.zones.output import Output


class FixedDataset:
    """An input as it was when the build began, whatever lands meanwhile."""

    def __init__(self, pinned: Input) -> None:
        self._pinned = pinned
        self.name = pinned.record.name
        self.schema = pinned.schema

    def scan(self) -> ds.Dataset:
        """Return its rows as a `pyarrow.dataset.Dataset`: read as they are asked for."""
        return self._pinned.scan()

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return its rows."""
        return self.scan().to_table(columns=None if columns is None else list(columns))


class FixedCatalog(Mapping[str, FixedDataset]):
    """The declared inputs of a dataset by the names under which they are declared, and by their full names."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = {join_name(each.table): FixedDataset(each) for each in inputs}
        self._by_full_name = {each.name: each for each in self._inputs.values()}

    def __getitem__(self, name: str) -> FixedDataset:
        found = self._inputs.get(name) or self._by_full_name.get(name)
        if found is None:
            fix = f'declare it in the header: "# inputs: {", ".join((*self._inputs, name))}"'
            raise UnknownDatasetError(f"{name!r} is none of the declared inputs", fix=fix)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)


class PythonEngine:
    """Runs the user's own function, in this process."""

    name = "python"

    def run(self, job: Job, output: Output) -> Result:
        """Write the rows that `build` returns. Raises QueryError, and StorageError for an input's damaged file."""
        rows = _rows(job, _call(job))
        schema = to_columns(job.definition, rows.schema)
        check_names(job.definition, schema)
        batches = (pa.Table.from_batches([batch]).cast(schema).to_batches() for batch in rows)
        try:
            return write_rows(job, output, (batch for some in batches for batch in some), schema)
        except (pa.ArrowException, OSError):
            job.check_readable()
            raise


def _call(job: Job) -> Any:
    path = job.definition.path
    names: dict[str, Any] = {"__name__": f"lake_zone_{job.definition.zone}", "__file__": path}
    try:
        exec(compile(job.definition.text, path, "exec"), names)  # noqa: S102 - the user's own file, as they asked
        return _function(job, names)(FixedCatalog(job.inputs))
    except (LakeError, TargetError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, pa.ArrowException | OSError):
            job.check_readable()
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = (
            getattr(error, "lineno", None) if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
        )
        where = f"{path}:{line}" if line else path
        raise QueryError(f"{job.definition.name}: {type(error).__name__} in its Python", where=where,
                         fix="mend the file; nothing of what the error says is shown, since it may hold values",
                         ) from error  # fmt: skip


def _function(job: Job, names: Mapping[str, Any]) -> Callable[[FixedCatalog], Any]:
    build = names.get("build")
    if not callable(build):
        told, fix = "the file has no function build(catalog)", "define it: def build(catalog): return a pyarrow.Table"
        raise QueryError(f"{job.definition.name}: {told}", where=job.definition.path, fix=fix)
    return cast("Callable[[FixedCatalog], Any]", build)


def _rows(job: Job, made: Any) -> pa.RecordBatchReader:
    if isinstance(made, pa.Table):
        return made.to_reader()
    if isinstance(made, pa.RecordBatchReader):
        return made
    told = f"{job.definition.name}: build(catalog) returned {type(made).__name__}"
    fix = "return a pyarrow.Table or a pyarrow.RecordBatchReader; pa.Table.from_pandas(…) makes one of a DataFrame"
    raise QueryError(told, where=job.definition.path, fix=fix)
