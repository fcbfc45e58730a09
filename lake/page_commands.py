"""``lake page``: the lake as a site."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake.errors import DAMAGED_EXIT_CODE, UsageError
from lake.options import config_option, json_option, lake_address, lake_option
from lake.terminal import print_notice, print_text, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.page.site import Shown

_PORT = 8642


@click.command()
@click.argument("folder", required=False, metavar="[DIR]")
@config_option
@lake_option
@click.option("--samples", type=click.IntRange(0, 100), default=5, show_default=True, help="Rows to show; 0: no value.")
@click.option("--title", metavar="TEXT", help="What the pages call the lake. Default: its folder's or bucket's name.")
@click.option("--serve", is_flag=True, help="Show it on this machine, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), help=f"With --serve: the port. Default: {_PORT}.")
@json_option
def page(*, folder: str | None, samples: int, title: str | None, **options: Any) -> int:
    """Write the lake as a site into DIR, or serve it: its datasets, what they hold, where they come from.

    The pages show values of records; with --samples 0 they show none.

    \b
    Example:
      lake page site
      lake page --serve
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    _check_options(folder, options)
    address = lake_address(options["config"], options["address"])
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="lake-page-") as scratch:
            site = Path(scratch, "site")
            return _serve(site, options["port"], lambda: _write(site, address, samples, title))
    if options["serve"]:
        return _serve(Path(folder), options["port"], lambda: _write(Path(folder), address, samples, title))
    shown = _write(Path(folder), address, samples, title)
    names = [card.name for card in shown.cards]
    if options["as_json"]:
        print_text(to_json({"folder": folder, "datasets": names, "problems": shown.problems}))
    else:
        print_text(f"Wrote {len(names):,} dataset{'' if len(names) == 1 else 's'} to {folder}/index.html.")
        if samples:
            print_notice("Notice: the pages show values of records; --samples 0 shows none.")
    return _report(shown)


def _check_options(folder: str | None, options: dict[str, Any]) -> None:
    """Refuse what would be ignored. Raises UsageError."""
    if folder is None and not options["serve"]:
        raise UsageError("no folder is named", where="DIR", fix="name one, or add --serve to look at it at once")
    if options["port"] is not None and not options["serve"]:
        raise UsageError("--port is for --serve", where="--port", fix="add --serve, or leave it out")
    if options["as_json"] and options["serve"]:
        raise UsageError("--json does not go with --serve", where="--json", fix="leave one of them out")


def _write(folder: Path, address: str | Path, samples: int, title: str | None) -> Shown:
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.page.facts import Reader
    from lake.page.folder import site_folder
    from lake.page.site import build_site

    storage = open_lake(address)
    catalog = Catalog.over(storage)
    sources = catalog.histories()
    reader = Reader(storage, {history.source: history for history in sources}, samples)
    with site_folder(folder) as write:
        return build_site(reader, [*sources, *catalog.zone_histories()], title or _title_of(storage.uri), write)


def _title_of(uri: str) -> str:
    """Return a lake's name: no more of a path on this machine than its last folder."""
    return uri.removeprefix("s3://") if uri.startswith("s3://") else Path(uri).name or "lake"


def _serve(folder: Path, port: int | None, write: Callable[[], Shown]) -> int:
    """Serve a folder once it is written; a port that is taken is told before that takes its time."""
    from lake.page.serve import site_server  # its imports are not for --help

    with site_server(folder, _PORT if port is None else port) as server:
        shown = write()
        print_text(f"http://127.0.0.1:{server.server_port}/ shows the lake until Ctrl-C.")
        _report(shown)
        server.serve_forever()
    return 0


def _report(shown: Shown) -> int:
    """Tell what could not be shown, and return the exit code that says so."""
    for name, problems in shown.problems.items():
        for problem in problems:
            print_notice(f"Problem: {name}: {problem}")
    return DAMAGED_EXIT_CODE if shown.problems else 0
