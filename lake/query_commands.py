"""``lake sql`` and ``export``: the commands that hand rows out."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from lake.completion import dataset_names
from lake.errors import UsageError
from lake.options import config_option, json_option, lake_address, lake_option
from lake.terminal import binary_stdout, on_terminal, print_notice, print_text, to_json
from target_datalake.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN_ROWS = 100


@click.command()
@click.argument("query")
@config_option
@lake_option
@click.option("--rows", type=click.IntRange(min=1), default=_SHOWN_ROWS, show_default=True, help="Rows to print.")
@json_option
def sql(*, query: str, config: str | None, address: str | None, rows: int, as_json: bool) -> None:
    """Answer one SQL query over the datasets; - reads it from stdin. JSON has all rows.

    A dataset is landing.NAME, or landing."SOURCE.NAME" where two sources share a name. Nothing can be written, and
    nothing outside the lake can be read.

    \b
    Example:
      lake sql "SELECT rating, count(*) FROM landing.diaper_reviews GROUP BY ALL"
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.overview import to_grid
    from lake.query import run_query

    text = sys.stdin.read() if query == "-" else query
    table = run_query(Catalog(lake_address(config, address)), text)
    if as_json:
        print_text(to_json(table.to_pylist()))
        return
    print_text(to_grid(table.slice(0, rows), terminal=on_terminal()))
    if table.num_rows > rows:
        print_notice(f"{table.num_rows - rows:,} more rows: --rows shows more, --json or `lake export` has all.")


@click.command()
@click.argument("name", shell_complete=dataset_names)
@config_option
@lake_option
@click.option("--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]), required=True, help="What to write.")
@click.option("-o", "--output", metavar="FILE", help="Default: stdout. It appears whole, or not at all.")
@click.option("--columns", metavar="A,B", help="Only these columns, in this order. Default: all but _sdc_*.")
@click.option("--where", metavar="SQL", help="Only rows for which this is true.")
@click.option("--latest", is_flag=True, help="Only the last row of each primary key.")
@click.option("--as-of", type=int, metavar="N", help="What there was after commit N.")
def export(*, name: str, config: str | None, address: str | None, form: Any, output: str | None, **chosen: Any) -> None:
    """Write the rows of a dataset as CSV, JSON Lines or one Parquet file.

    In CSV a text that a spreadsheet would run as a formula gets an apostrophe before it; the other formats hold every
    value as it is.

    \b
    Example:
      lake export diaper_reviews --format csv --where "rating = 1" -o bad.csv
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.export import export_rows

    if output is None and form == "parquet" and on_terminal():
        raise UsageError("Parquet is nothing for a terminal", where="--output", fix="name a file with -o")
    dataset = Catalog(lake_address(config, address))[name]
    columns = chosen.pop("columns")
    names = columns.split(",") if columns else [each for each in dataset.schema.names if not each.startswith("_sdc_")]
    rows = dataset.batches(columns=names, **chosen)
    with _opened(output) as out:
        count = export_rows(rows, form, out)
    if output is not None:
        print_notice(f"Wrote {count:,} rows to {output}.")


@contextmanager
def _opened(output: str | None) -> Iterator[BinaryIO]:
    """Open stdout, or a file that takes its name when it is whole."""
    if output is None:
        with binary_stdout() as stdout:
            yield stdout
        return
    path = Path(output)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        fix = "name a file with -o that can be written"
        raise StorageError(f"cannot write the export: {error.strerror}", where=output, fix=fix) from error
    finally:
        partial.unlink(missing_ok=True)
