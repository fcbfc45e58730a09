"""Turns the programs' own click commands and errors into a page of every command, option and exit code."""

from __future__ import annotations

from collections import defaultdict
from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from docs.markdown import to_cell, to_table
from lake import cli as lake_cli
from lake import errors as lake_errors
from tap_rest_api import cli as tap_cli
from tap_rest_api import errors as tap_errors
from target_datalake import cli as target_cli
from target_datalake import errors as target_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAMS = {"lake": lake_cli.lake, "tap-rest-api": tap_cli.command, "target-datalake": target_cli.target_datalake}
ERRORS: Sequence[type[Exception]] = (lake_errors.LakeError, tap_errors.TapError, target_errors.TargetError)
"""The roots of what may go wrong, each with its exit code."""

OTHERS = (
    (0, "Success."),
    (1, "A bug: please report the traceback."),
    (click.UsageError.exit_code, "The command line is not understood."),
    (lake_errors.DAMAGED_EXIT_CODE, "`lake verify`, `lake page`: something of the lake is damaged."),
    (lake_errors.STALE_EXIT_CODE, "`lake status`: a dataset is staler than it may be."),
    (130, "SIGINT, Ctrl-C."),
    (143, "SIGTERM."),
)
"""Exit codes that no error of ours carries."""

_HEAD = """# Commands

Every command, option and exit code, as the programs themselves tell them: this page is made from their code.
[The lake](lake.md), [the tap](tap.md) and [the target](target.md) have what a line of help cannot say. Every command
has `-h`, `--help`.
"""


def to_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, "## Exit codes", to_table(("code", "meaning"), exit_codes())]
    for name, command in PROGRAMS.items():
        parts += _describe(name, command)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def exit_codes() -> list[tuple[str, str]]:
    """Return each exit code with all that it may mean, in the words of the errors that carry it."""
    meanings: dict[int, list[str]] = defaultdict(list)
    for code, meaning in OTHERS:
        meanings[code].append(meaning)
    for root in ERRORS:
        for error in _below(root):
            if (code := vars(error).get("exit_code")) is not None:
                meanings[code].append(cleandoc(error.__doc__ or "").partition("\n")[0])
    return [(str(code), to_cell(" ".join(dict.fromkeys(meanings[code])))) for code in sorted(meanings)]


def _below(error: type[Exception]) -> Iterator[type[Exception]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


def _describe(name: str, command: click.Command, *, level: int = 2) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"{'#' * level} {name}"
    yield f"```text\n{usage}\n```"
    yield from map(_to_block, cleandoc(command.help or "").split("\n\n"))
    if rows := [_to_row(option, context) for option in command.params if isinstance(option, click.Option)]:
        yield to_table(("option", "what it does"), rows)
    for child in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _describe(f"{name} {child.name}", child, level=level + 1)


def _to_row(option: click.Option, context: click.Context) -> tuple[str, str]:
    names, what = option.get_help_record(context) or (", ".join(option.opts), "")
    return f"`{names}`".replace("|", "\\|"), to_cell(what)


def _to_block(paragraph: str) -> str:
    r"""Return a paragraph of a command's help; one behind a \b, as examples are, stays as it is typed."""
    if not paragraph.startswith("\b"):
        return " ".join(paragraph.split())
    title, *lines = paragraph.strip("\b\n").split("\n")
    return f"{title}\n\n```sh\n{cleandoc(chr(10) + chr(10).join(lines))}\n```"
