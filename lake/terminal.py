"""What a command has to say goes to stdout, and notices and errors to stderr."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from lake.errors import OutputError, Stopped
from target_datalake.log import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.errors import LakeError
    from target_datalake.errors import TargetError


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def print_text(text: str) -> None:
    """Print to stdout."""
    with _ends_with_its_reader():
        click.echo(text)


@contextmanager
def binary_stdout() -> Iterator[BinaryIO]:
    """Give stdout to write bytes to."""
    with _ends_with_its_reader(), open(sys.stdout.fileno(), "wb", closefd=False) as out:
        yield out


@contextmanager
def _ends_with_its_reader() -> Iterator[None]:
    """End the program as SIGPIPE would when stdout's reader has left; click would make it exit code 1.

    Raises:
        OutputError: What stands behind stdout takes no more. What is read meanwhile has errors of its own.
    """
    try:
        yield
    except BrokenPipeError:
        _write_to_nothing()
        raise Stopped(signal.SIGPIPE) from None
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _write_to_nothing()
        fix = "free some space where it goes, then run this again"
        raise OutputError(f"standard output cannot be written: {error.strerror}", fix=fix) from None


def _write_to_nothing() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit's own flush fails again


def print_nothing(*_: Any) -> None:
    """Print nothing."""


def print_notice(text: str) -> None:
    """Tell a person something on stderr."""
    click.echo(escape(text), err=True)


def print_error(error: LakeError | TargetError) -> None:
    """Print what went wrong, where, and how to mend it, on stderr."""
    for line in error.show().split("\n"):
        click.echo(escape(line), err=True)


def to_json(value: Any) -> str:
    """Return a value as one line of JSON; a decimal is a number with all its digits."""
    import msgspec  # 20 ms, not for --help

    return msgspec.json.Encoder(decimal_format="number").encode(value).decode()


def on_terminal() -> bool:
    """Tell whether stdout is a terminal, to draw for."""
    return sys.stdout.isatty()


def can_draw() -> bool:
    """Tell whether a person is at a terminal on which lines can be drawn over: a scheduler's jobs have no stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb"}
