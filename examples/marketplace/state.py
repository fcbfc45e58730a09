"""Turns the day number into a small file and back, so that a restarted server goes on where it was."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def load_day(path: Path) -> int:
    """Return the day in the file, 0 when there is no file yet; makes its folder, so that a day can be saved.

    Raises:
        ValueError: The file holds something else.
        OSError: The folder cannot be made, or the file not read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    try:
        day = json.loads(text)["day"]
    except (ValueError, TypeError, KeyError):
        day = None
    if type(day) is not int or day < 0:
        raise ValueError(f'{path} is not a state file of this server: it should read {{"day": 3}}')
    return day


def save_day(path: Path, day: int) -> None:
    """Replace the file in one step: after a crash it holds the old day or the new one."""
    replace_text(path, json.dumps({"day": day}) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or its predecessor."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.write_text(text, encoding="utf-8")
    staged.replace(path)
