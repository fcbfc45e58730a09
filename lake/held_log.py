"""A program's log is held back in a file, and its end is shown if the program failed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_SHOWN_BYTES = 64 << 10
"""A failure's cause stands at the end of a log."""


@dataclass(frozen=True)
class HeldLog:
    """A log that is held back in a file; None lets it through to this process's stderr."""

    file: BinaryIO | None

    def show_if(self, failed: object) -> None:
        """Print the log's last lines to stderr if something failed."""
        if self.file is None or not failed:
            return
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(max(0, size - _SHOWN_BYTES))
        text = self.file.read().decode("utf-8", "replace")
        click.echo(text, err=True, nl=not text.endswith("\n"))


@contextlib.contextmanager
def held_log(folder: Path | None) -> Iterator[HeldLog]:
    """Hold a log back in a private folder; with None for the folder, let it through."""
    if folder is None:
        yield HeldLog(None)
        return
    with (folder / "tap.log").open("w+b") as file:
        yield HeldLog(file)
