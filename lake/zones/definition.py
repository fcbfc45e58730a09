"""A file of the zones folder becomes the definition of a dataset: its name, its text, and what it declares."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lake.errors import QueryError, UsageError
from lake.predicate import parse_predicate
from lake.query import parse_tables
from lake.sandbox import join_name
from lake.zones.header import Header, parse_header
from target_datalake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lake.sandbox import Name

MARKS = {".sql": "--", ".py": "#"}
"""The files that define a dataset, and what a comment begins with in each."""

SPARK = ".spark.sql"
"""What the file ends with that stands beside a dataset's own, for Spark alone; it defines nothing by itself."""


@dataclass(frozen=True)
class Definition:
    """How a dataset is made.

    Attributes:
        zone: ``clean`` or ``business``.
        dataset: Its name in the zone.
        path: The file, for messages; empty for a default that no file defines.
        text: The file's text: SQL in DuckDB's dialect, or Python.
        language: ``sql`` or ``python``.
        header: What its header declares.
        tables: The inputs as its text names them: schema (empty for a bare name) and name.
        beside: The same query in Spark's SQL, where a file beside it has one.
    """

    zone: str
    dataset: str
    path: str
    text: str
    language: str
    header: Header
    tables: tuple[Name, ...]
    beside: str = ""

    @property
    def name(self) -> str:
        """Return its full name in the catalog."""
        return f"{self.zone}.{self.dataset}"

    @property
    def owner(self) -> str:
        """Return what its log goes by."""
        return layout.zone_owner(self.zone, self.dataset)

    @property
    def digest(self) -> str:
        """Return the sha256 of its text, and of what stands beside it."""
        text = f"{self.text}\0{self.beside}" if self.beside else self.text
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_definitions(folder: Path) -> list[Definition]:
    """Return the definitions of a zones folder, by zone and name; none where there is no such folder.

    Raises:
        UsageError: A file is not what it should be; the message names it and the line.
        QueryError: Its SQL is no single query.
    """
    found: dict[tuple[str, str], Definition] = {}
    for zone in layout.ZONES:
        for path in _files(folder / zone):
            definition = _read(zone, path)
            twin = found.get((zone, definition.dataset.lower()))
            if twin is not None:
                fix = "rename one of them; case alone does not tell names apart"
                raise UsageError(f"two files define {definition.name}", where=f"{twin.path} and {path}", fix=fix)
            found[zone, definition.dataset.lower()] = definition
    return list(found.values())


def parse_sql(zone: str, dataset: str, text: str, path: str) -> Definition:
    """Return the definition that a text in SQL makes. Raises as `read_definitions` does."""
    header = parse_header(text, path, MARKS[".sql"])
    if header.inputs:
        fix = "leave it out: what a query reads is found in it"
        raise UsageError('"inputs" is for Python datasets', where=f"{path}:1", fix=fix)
    try:
        tables = tuple(parse_tables(text))
    except QueryError as error:
        raise QueryError(error.message, where=_place(path, error.message), fix=error.fix) from None
    return _checked(Definition(zone, dataset, path, text, "sql", header, tables))


def split_name(name: str) -> Name:
    """Return a dataset's name as SQL has it: schema and table."""
    zone, dot, rest = name.partition(".")
    return (zone, rest) if dot and zone in {"landing", *layout.ZONES} else ("", name)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name.endswith(SPARK) or not path.is_file():
            continue
        if path.suffix in MARKS:
            yield path


def _read(zone: str, path: Path) -> Definition:
    text = _read_text(path)
    layout.encode_name(path.stem)  # a name that no folder can have is refused before anything is built
    if path.suffix == ".sql":
        beside = path.with_suffix(SPARK)
        definition = parse_sql(zone, path.stem, text, str(path))
        return replace(definition, beside=_read_text(beside)) if beside.is_file() else definition
    header = parse_header(text, str(path), MARKS[".py"])
    for key, value in (("incremental", header.incremental), ("delete when", header.delete_when)):
        if value:
            raise UsageError(f'"{key}" is for SQL datasets', where=f"{path}:1", fix="leave it out")
    tables = tuple(split_name(name) for name in header.inputs)
    return _checked(Definition(zone, path.stem, str(path), text, "python", header, tables))


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError("this file is not UTF-8", where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        raise UsageError(f"cannot read this file: {error.strerror}", where=str(path)) from error


def _checked(definition: Definition) -> Definition:
    """Check that what a header says makes sense together."""
    header, where = definition.header, f"{definition.path}:1"
    if header.incremental and not header.primary_key:
        fix = "name the columns by which new rows replace old ones: primary key: id"
        raise UsageError('"incremental" needs a primary key', where=where, fix=fix)
    if header.delete_when and not header.primary_key:
        fix = "name the primary key, or leave such rows out with WHERE"
        raise UsageError('"delete when" needs a primary key', where=where, fix=fix)
    if header.incremental and split_name(header.incremental) not in definition.tables:
        names = ", ".join(map(join_name, definition.tables)) or "none"
        fix = f"name it as the query does; it reads: {names}"
        raise UsageError(f"the query does not read {header.incremental!r}", where=where, fix=fix)
    if header.delete_when:
        try:
            parse_predicate(header.delete_when)
        except QueryError as error:
            raise QueryError(f'"delete when": {error.message}', where=where, fix=error.fix) from None
    return definition


def _place(path: str, message: str) -> str:
    """Return a file with the line that sqlglot's message names."""
    _, found, rest = message.partition("Line ")
    line = rest.partition(",")[0] if found else ""
    return f"{path}:{line}" if line.isdecimal() else path
