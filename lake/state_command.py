"""``lake state``: shows from where a source's next run begins, or sets it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from lake.options import config_option, json_option, open_project
from lake.terminal import print_notice, print_text, to_json


@click.command()
@config_option
@click.option("--set", "path", metavar="FILE", help="Make this file's STATE the one that the next run begins from.")
@json_option
def state(*, config: str | None, path: str | None, as_json: bool) -> None:
    """Show the STATE that a source's next run begins from, or set it.

    \b
    Example:
      lake state > state.json
      lake state --set state.json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.runs import new_run_id  # its imports are not for --help
    from lake.state import load_state, read_state, set_state

    now = datetime.now(UTC)
    text = load_state(Path(path)) if path else ""
    project = open_project(config)
    now_us = int(now.timestamp() * 1_000_000)
    found = set_state(project, text, run=new_run_id(now), now_us=now_us) if path else read_state(project)
    if as_json:
        print_text(to_json(found))
    elif path:
        print_notice(f"Commit {found.commit} of source {found.source!r} holds the new state.")
    elif found.state is None:
        print_notice(f"Source {found.source!r} has no state yet: its next run begins from the start.")
    else:
        print_text(bytes(found.state).decode())
