"""``lake catalog`` and ``lake show``: the commands that look at a lake's datasets."""

from __future__ import annotations

import click

from lake.completion import dataset_names
from lake.options import config_option, json_option, lake_address, lake_option
from lake.terminal import on_terminal, print_text, to_json


@click.command()
@config_option
@lake_option
@json_option
def catalog(*, config: str | None, address: str | None, as_json: bool) -> None:
    """List the datasets of the lake.

    \b
    Example:
      lake catalog --lake s3://bucket/prefix
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.overview import read_overviews, to_catalog_table

    overviews = read_overviews(Catalog(lake_address(config, address)))
    print_text(to_json(overviews) if as_json else to_catalog_table(overviews, terminal=on_terminal()))


@click.command()
@click.argument("name", shell_complete=dataset_names)
@config_option
@lake_option
@click.option("--rows", type=click.IntRange(min=0), default=5, show_default=True, help="Rows to preview.")
@json_option
def show(*, name: str, config: str | None, address: str | None, rows: int, as_json: bool) -> None:
    """Show a dataset: what it is, its columns, and some of its rows.

    \b
    Example:
      lake show diaper_reviews --rows 3
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog  # its imports are not for --help
    from lake.overview import to_document, to_page

    dataset = Catalog(lake_address(config, address))[name]
    terminal = on_terminal()
    print_text(to_json(to_document(name, dataset, rows)) if as_json else to_page(dataset, rows, terminal=terminal))
