"""What happens to a file that stands in a lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip_pages(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes(byte ^ 0xFF for byte in data[4 : len(data) // 2]) + data[len(data) // 2 :])


def _flip_footer(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-400] + bytes(byte ^ 0xFF for byte in data[-400:-8]) + data[-8:])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "gone": lambda path: path.unlink(),
    "cut": _cut,
    "empty": _empty,
    "pages": _flip_pages,
    "footer": _flip_footer,
}
