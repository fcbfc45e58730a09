"""Turns the records that left in complete 200 answers into the log that tests hold the lake against."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from examples.marketplace import exact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Served(NamedTuple):
    """One record that was sent; `sha256` is that of its canonical JSON, see `exact.canonical`."""

    stream: str
    id: int
    sha256: str


class ServedLog:
    """Every record sent so far, in order, in memory and, if asked, as lines appended to a file."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.touch()  # fail now rather than at the first record
        self._path = path
        self._pages: list[tuple[str, Sequence[bytes]]] = []
        self._lock = Lock()

    def add(self, stream: str, texts: Sequence[bytes]) -> None:
        """Log one page. In memory only the texts are kept: hashing waits until somebody asks."""
        with self._lock:
            self._pages.append((stream, texts))
            if self._path is not None:
                with self._path.open("a", encoding="ascii") as file:
                    file.writelines(f"{line(one)}\n" for one in _page(stream, texts))

    def read(self) -> list[Served]:
        """Return the whole log."""
        with self._lock:
            pages = list(self._pages)
        return [one for stream, texts in pages for one in _page(stream, texts)]


def line(served: Served) -> str:
    """Return the log's line for one record, without its newline."""
    return json.dumps(served._asdict(), separators=(",", ":"))


def sha256_of(text: bytes | str) -> str:
    """Return the hash that the log gives to a record with this text."""
    return hashlib.sha256(exact.canonical(text)).hexdigest()


def _page(stream: str, texts: Sequence[bytes]) -> list[Served]:
    return [Served(stream, *_id_and_hash(text)) for text in texts]


@lru_cache(maxsize=65_536)
def _id_and_hash(text: bytes) -> tuple[int, str]:
    return exact.loads(text)["id"], sha256_of(text)
