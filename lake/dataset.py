"""A stream of a source, or what a build made, becomes a dataset: rows to read, and what is known about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from lake.asked import check_choice, check_columns, needed_columns, with_asked
from lake.errors import UsageError
from lake.frames import Engine, to_frame
from lake.notebook import dataset_html
from lake.outline import SchemaOutline, parse_outline
from lake.rejects import read_rejected
from lake.sizes import check_sizes
from lake.snapshot import (
    Versions,
    check_still_there,
    landed_files,
    rejected_files,
    select_commits,
    stream_history,
    summarize,
)
from lake.written_schemas import WrittenSchemas
from target_datalake import layout
from target_datalake.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa
    import pyarrow.dataset as ds

    from lake.findings import Report
    from lake.history import History
    from lake.snapshot import HistoryEntry, LandedFile, StreamFacts
    from target_datalake.commits import Commit
    from target_datalake.storage import Storage

T = TypeVar("T")


class Dataset:
    """One stream of the landing zone, or one dataset of the clean or the business zone.

    Every method reads the log anew, so a dataset shows what has landed since it was looked up.

    Attributes:
        zone: ``landing``, ``clean`` or ``business``.
        source: The source that lands it; of the other zones what its log goes by, ``@clean/<dataset>``.
        stream: The stream's name, or the dataset's.
        name: Its full name in the catalog: ``landing.<source>.<stream>``, ``clean.<dataset>``.
    """

    def __init__(self, storage: Storage, history: History, stream: str) -> None:
        self._storage = storage
        self._history = history
        self.source = history.source
        self.stream = stream
        self._schemas = WrittenSchemas(storage, self.source, stream)
        self.zone, _ = layout.split_owner(self.source)
        self.name = layout.full_name(self.source, stream)

    def read(  # noqa: PLR0913 - each narrows the rows, and is named where it is used
        self,
        engine: Engine = "arrow",
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        versions: Versions = "active",
        as_of: int | None = None,
        since: int | None = None,
        latest: bool = False,
    ) -> Any:
        """Return the rows, with their ``_sdc_*`` columns, in the order in which they landed.

        Args:
            engine: ``"arrow"`` for a `pyarrow.Table`; ``"pandas"`` for a DataFrame with Arrow types, in which a
                nullable int64 stays exact; ``"polars"`` for a DataFrame; ``"duckdb"`` for a relation; ``"spark"`` for
                a DataFrame of the active Spark session, or of one on this machine: Spark reads the files itself, later,
                and in no order.
            columns: Names of the columns to read, in this order; None for all.
            where: A condition in SQL on one row, such as ``"rating >= 4"``; applied last. It may name any column.
            versions: ``"active"``: of a full table the last whole snapshot, of other streams all rows;
                ``"all"``: everything that ever landed, which is what a glob over the files sees.
            as_of: Read what there was after this commit.
            since: Leave out what there was after this commit.
            latest: Only the last row of each primary key, and none that was deleted (``_sdc_deleted_at``).

        Raises:
            UsageError: There is no such engine, column or commit, or the options contradict each other; or Spark does
                not read what is asked for as Arrow does.
            QueryError: The condition is not SQL, does not fit the columns, or is not known to be the same on Spark.
            StorageError: A file is missing or damaged.
            MissingExtraError: The engine's library is not installed.
        """
        check_choice("engine", engine, get_args(Engine))
        if latest and versions == "all":
            fix = 'leave out versions="all": what was replaced is no latest row'
            raise UsageError("latest is about the active version", where="latest", fix=fix)
        from lake.tables import read_table  # pyarrow takes 250 ms to import

        keys = self.key_properties if latest and self.zone == "landing" else None  # a build lets no two rows share one

        def read(commits: Sequence[Commit]) -> Any:
            files = self._files(commits, since, versions, as_of)
            schema = self._schema(commits, files)
            check_columns(columns, schema)
            needed = needed_columns(schema, columns, where, keys)
            if engine == "spark":
                return self._to_spark(files, schema, needed, (columns, where, keys))
            return read_table(self._storage, files, with_asked(schema, needed), needed)

        table = self._read_settled(as_of, read)
        if engine == "spark":
            return table
        if keys is not None:
            from lake.latest import latest_rows  # as above

            table = latest_rows(table, keys)
        if where is not None:
            from lake.predicate import filter_rows  # duckdb and sqlglot take 100 ms

            table = filter_rows(table, where)
        return to_frame(table if columns is None else table.select(columns), engine)

    def scan(self, *, versions: Versions = "active", as_of: int | None = None, since: int | None = None) -> ds.Dataset:
        """Return the rows as a `pyarrow.dataset.Dataset`: read as they are asked for, filters reaching into the files.

        The arguments mean what they mean to `read`. Raises as it does, but for damage, which shows as rows are read.
        """
        commits = self._commits(as_of)
        files = self._files(commits, since, versions, as_of)
        return self.scan_files(files, self._schema(commits, files))

    def scan_files(self, files: Sequence[LandedFile], schema: pa.Schema) -> ds.Dataset:
        """Return the rows of some of its files, read under a schema that holds them, as `scan` does."""
        from lake.scan import to_dataset  # pyarrow takes 250 ms to import

        return to_dataset(self._storage, files, schema, self.columns_written(files))

    def check_readable(self, files: Iterable[LandedFile]) -> None:
        """Read some of its files through, for who was told only that a file cannot be read.

        Raises:
            StorageError: One is missing or damaged; it is named.
        """
        from lake.tables import check_readable  # pyarrow takes 250 ms to import

        for file in files:
            check_readable(self._storage, file.key)

    def check_sizes(self, files: Sequence[LandedFile]) -> None:
        """Check some of its files by their sizes, which Spark needs: it passes over an empty one without a word.

        Raises:
            StorageError: One is missing, or has another size than was committed; it is named.
        """
        check_sizes(self._storage, files)

    def columns_written(self, files: Iterable[LandedFile]) -> dict[str, pa.Schema]:
        """Return the data columns that files were written with, by the id of their schema."""
        return {file.schema: self._schemas.columns(file.schema) for file in files}

    def batches(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        as_of: int | None = None,
        latest: bool = False,
    ) -> pa.RecordBatchReader:
        """Return the rows that `read` gives, batch by batch; in bounded memory unless `where` or `latest` is set.

        Raises as `read` does; damage shows as the batches are read.
        """
        from lake.scan import read_batches  # pyarrow takes 250 ms to import

        if where is not None or latest:
            return self.read(columns=columns, where=where, as_of=as_of, latest=latest).to_reader()
        commits = self._commits(as_of)
        files = self._files(commits, None, "active", as_of)
        schema = self._schema(commits, files)
        check_columns(columns, schema)
        return read_batches(self._storage, self.scan_files(files, schema), columns, lambda: self.check_readable(files))

    def commits(self) -> Sequence[Commit]:
        """Return the log that it stands in, which is its source's, without what was undone."""
        return self._commits(None)

    def schema_of(self, files: Iterable[LandedFile], as_of: int | None = None) -> pa.Schema:
        """Return the columns under which some of its files are read together, as of a commit, or as it is now."""
        return self._schema(self._commits(as_of), files)

    @property
    def schema(self) -> pa.Schema:
        """Return the columns of `read`: the data's, of landed ones ``_sdc_*``, and ``_sdc_raw`` if kept."""
        commits = self._commits(None)
        files = self._files(commits, None, "active")
        return self._with_kept(self._schema(commits, files), files)

    def head(self, rows: int = 5) -> pa.Table:
        """Return the first rows of the newest file: a look at the data that reads little of it."""
        from lake.tables import read_first_rows  # pyarrow takes 250 ms to import

        def read(commits: Sequence[Commit]) -> pa.Table:
            files = [file for file in self._files(commits, None, "active") if file.rows]
            schema = self._schema(commits, files)
            return read_first_rows(self._storage, files[-1], schema, rows) if files else schema.empty_table()

        return self._read_settled(None, read)

    def files(
        self, *, as_of: int | None = None, since: int | None = None, versions: Versions = "active"
    ) -> list[LandedFile]:
        """Return the files that `read` reads with the same arguments, for an engine that reads them itself."""
        return self._files(self._commits(as_of), since, versions, as_of)

    def history(self) -> list[HistoryEntry]:
        """Return what each commit did to this dataset, oldest first."""
        return stream_history(self._commits(None), self.stream)

    def facts(self) -> StreamFacts:
        """Return what the log says of the dataset, without reading a data file."""
        return summarize(self._commits(None))[self.stream]

    def rejected(self) -> list[dict[str, Any]]:
        """Return every record that broke its schema: its text in ``raw``, why in ``reason`` and ``errors``."""

        def read(commits: Sequence[Commit]) -> list[dict[str, Any]]:
            files = rejected_files(commits, self.stream)
            return [line for file in files for line in read_rejected(self._storage, file.key)]

        return self._read_settled(None, read)

    def verify(self) -> Report:
        """Check this dataset's files against the log, byte by byte, and the log against itself; writes nothing."""
        from lake.verify import verify_source  # only this needs it

        return verify_source(self._storage, self.source, self.stream)

    @property
    def key_properties(self) -> tuple[str, ...]:
        """Return the names of the columns that tell one record from another; empty where the tap named none."""
        return self.outline(self.facts()).key_properties

    @property
    def description(self) -> str:
        """Return what the JSON Schema says of the stream, its title before its description."""
        return self.outline(self.facts()).description

    def outline(self, facts: StreamFacts) -> SchemaOutline:
        """Return what is known of the columns without reading a data file. Raises StorageError."""
        return parse_outline(self._storage, layout.schema_key(self.source, self.stream, facts.schema))

    def __repr__(self) -> str:
        facts = self.facts()
        return f"<Dataset {self.name}: {facts.rows:,} rows in {facts.files:,} files>"

    def _repr_html_(self) -> str:
        """Show the dataset in a notebook: what it is, its columns, its first rows."""
        facts = self.facts()
        return dataset_html(self.name, facts, self.outline(facts), self.head())

    def _to_spark(
        self,
        files: Sequence[LandedFile],
        schema: pa.Schema,
        needed: Sequence[str] | None,
        asked: tuple[Sequence[str] | None, str | None, Sequence[str] | None],
    ) -> Any:
        """Return what `read` gives of files, for Spark to read, under the columns of a schema that are needed."""
        import pyarrow as pa  # 250 ms, for those who ask for it

        from lake.spark.frame import Asked, read_frame

        self.check_sizes(files)
        columns, where, keys = asked
        known = with_asked(schema, needed) if needed else self._with_kept(schema, files)
        read = pa.schema([known.field(name) for name in needed or known.names])
        return read_frame(
            files, read, self.columns_written(files), Asked(self.name, columns, where, keys), self._storage.uri
        )

    def _with_kept(self, schema: pa.Schema, files: Sequence[LandedFile]) -> pa.Schema:
        """Return a schema with the column of raw records, if they are kept: by the first and the last file."""
        from lake.tables import has_raw, with_raw  # pyarrow takes 250 ms to import

        ends = {file.key: file for file in (*files[:1], *files[-1:])}
        return with_raw(schema) if any(has_raw(self._storage, file) for file in ends.values()) else schema

    def _commits(self, as_of: int | None) -> Sequence[Commit]:
        return select_commits(self._history.commits(), as_of)

    def _read_settled(self, as_of: int | None, read: Callable[[Sequence[Commit]], T]) -> T:
        """Read as of a commit; begin anew when files went because a later commit took them out meanwhile."""
        commits = self._commits(as_of)
        while True:
            try:
                return read(commits)
            except NotFoundError:
                before, commits = commits, self._commits(as_of)
                if commits == before:
                    raise

    def _files(
        self, commits: Sequence[Commit], since: int | None, versions: Versions, as_of: int | None = None
    ) -> list[LandedFile]:
        check_choice("versions", versions, get_args(Versions))
        if since is not None and since < 0:
            raise UsageError(
                f"there is no commit {since}", where="since", fix="commits count from 1; 0 leaves out none"
            )
        files = landed_files(commits, self.stream, self._storage.uri, since=since or 0, versions=versions)
        if as_of is not None:
            check_still_there(files, self._history.commits()[as_of:])
        return files

    def _schema(self, commits: Sequence[Commit], files: Iterable[LandedFile]) -> pa.Schema:
        current = commits[-1].schemas.get(self.stream) if commits else None
        latest = current or self._commits(None)[-1].schemas[self.stream]
        return self._schemas.unified((file.schema for file in files), latest)
