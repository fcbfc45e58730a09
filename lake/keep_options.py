"""What the commands that change a lake share: which streams, the source held, a question before it is too late."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.errors import UsageError
from lake.terminal import print_notice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lake.held_source import HeldSource

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on a terminal, where Ctrl-D means no; without one nobody can answer, so that `--yes` must have been said.

    Raises:
        UsageError: Nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "this cannot be undone, and nobody can be asked", where="--yes", fix="add --yes if it is meant"
        )
    try:
        meant = click.confirm(question, err=True)
    except click.Abort:
        print_notice("")  # the question's line ends here
        meant = False
    if not meant:
        print_notice("Nothing was changed.")
    return meant


def chosen_streams(address: str | Path, name: str | None) -> dict[str, list[str]]:
    """Return the landing streams of a name, or all there are, by their source.

    Raises:
        UsageError: The name is that of a dataset that is built.
    """
    from lake.catalog import Catalog  # its imports are not for --help

    catalog = Catalog(address)
    chosen: dict[str, list[str]] = {}
    for dataset in [catalog[name]] if name else catalog.datasets():
        if dataset.zone == "landing":
            chosen.setdefault(dataset.source, []).append(dataset.stream)
        elif name:
            fix = f"name what it is built from, then run `lake build`: `lake lineage {dataset.name}` shows it"
            raise UsageError(f"{dataset.name} is built: each build makes it anew", where="NAME", fix=fix)
    return chosen


def chosen_dataset(address: str | Path, name: str) -> tuple[str, str]:
    """Return the source, or what its log goes by, and the stream of a dataset of any zone."""
    from lake.catalog import Catalog  # its imports are not for --help

    dataset = Catalog(address)[name]
    return dataset.source, dataset.stream


@contextmanager
def held(address: str | Path, source: str) -> Iterator[HeldSource]:
    """Hold a source of the lake at an address."""
    from lake.catalog import open_lake  # their imports are not for --help
    from lake.held_source import hold_source

    with hold_source(open_lake(address, source=source), source, datetime.now(UTC)) as source_held:
        yield source_held
