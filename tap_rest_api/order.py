"""Turns contexts into the batches of their parts, in order, with several requests in flight.

What comes out does not depend on how many there are: a part that is ready before its turn waits, and where one
fails, all before it has been given out and nothing after it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_rest_api.chain import Chain
from tap_rest_api.unit import open_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_rest_api.bookmark import Bookmark, Reading
    from tap_rest_api.chain import Batch
    from tap_rest_api.config import Stream
    from tap_rest_api.unit import Context, Source


@dataclass(frozen=True, slots=True)
class Part:
    """What is read in one go: a context, or a slice of its time.

    Attributes:
        context: For whom.
        reading: From where to where.
        checkpoint: How far the bookmark may move once the part has been read, even if it was empty.
        is_older: It lies before the start that the bookmark began at, and moves no bookmark.
    """

    context: Context
    reading: Reading
    checkpoint: Bookmark | None = None
    is_older: bool = False


class Passed:
    """A place between contexts, given out once all before it have been read."""

    __slots__ = ()


class _Entry:
    """What waits for its turn: a part with its chain, a place that is passed, or how the contexts failed."""

    def __init__(self, item: Part | Passed | Exception, chain: Chain | None = None) -> None:
        self.item, self.chain = item, chain

    @property
    def load(self) -> int:
        return self.chain.load if self.chain else 0


class _Queue:
    """The entries that have been begun, in order, and how more of them are begun while there is room."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        items: Iterator[Context | Passed],
        parts_of: Callable[[Context], Iterator[Part]],
    ) -> None:
        self._source, self._stream = source, stream
        self._items, self._parts_of = items, parts_of
        self._parts: Iterator[Part] = iter(())
        self._waiting: Context | None = None
        self.entries: deque[_Entry] = deque()

    @property
    def _width(self) -> int:
        """Before it is settled where the records stand, the first page that has some must come first."""
        return self._source.width_of(self._stream) if self._source.is_settled(self._stream) else 1

    def fill(self) -> None:
        """Begin what comes next while there is room."""
        while self._room() > 0 and len(self.entries) <= self._width:
            try:
                entry = self._next()
            except Exception as error:  # noqa: BLE001 - it is raised in its turn, after all before it
                entry, self._items, self._waiting, self._parts = _Entry(error), iter(()), None, iter(())
            if entry is None:
                return
            self.entries.append(entry)

    def _room(self) -> int:
        return self._width - sum(entry.load for entry in self.entries)

    def _next(self) -> _Entry | None:
        """Begin one more part; None if there is none, or the next one has to wait.

        A context that comes a second time begins where the first one has ended.
        """
        while True:
            part = next(self._parts, None)
            if part is not None:
                return _Entry(part, self._begin(part))
            if self._waiting is None:
                item = next(self._items, None)
                if item is None:
                    return None
                if isinstance(item, Passed):
                    return _Entry(item)
                self._waiting = item
            if self._waiting.identity is not None and self._waiting.identity in self._open_identities():
                return None
            self._parts, self._waiting = self._parts_of(self._waiting), None

    def _open_identities(self) -> list[object]:
        return [entry.item.context.identity for entry in self.entries if isinstance(entry.item, Part)]

    def _begin(self, part: Part) -> Chain:
        chain = Chain(open_unit(self._source, self._stream, part.context), part.reading)
        chain.ask(1)
        return chain

    def drain(self, chain: Chain) -> Iterator[Batch]:
        """Yield a chain's batches, and keep the others going meanwhile."""
        while (batch := chain.take()) is not None:
            self._pump()
            self.fill()
            yield batch

    def _pump(self) -> None:
        """Use what has arrived before its turn, and ask for what follows it while there is room."""
        for entry in self.entries:
            if entry.chain is None:
                continue
            if entry is not self.entries[0] and entry.chain.is_ready:
                entry.chain.advance()
            entry.chain.ask(self._room())

    def pass_on(self) -> None:
        """Forget the first entry, of which a failure may have left something."""
        chain = self.entries.popleft().chain
        if chain is not None:
            chain.close()

    def close(self) -> None:
        """Take back the requests that have not been begun."""
        for entry in self.entries:
            if entry.chain is not None:
                entry.chain.close()


def in_order(
    source: Source,
    stream: Stream,
    items: Iterator[Context | Passed],
    parts_of: Callable[[Context], Iterator[Part]],
) -> Iterator[tuple[Part | Passed, Iterator[Batch]]]:
    """Yield each part with its batches, which are to be used before the next part is asked for.

    Args:
        source: The API.
        stream: What is read.
        items: The contexts, and places between them, which are given out in their turn without batches.
        parts_of: What is to be read for a context; asked when its first page is.

    Raises:
        TapError: From the batches, if a part cannot be read; the next part may be asked for nevertheless. From the
            iterator itself, if the contexts cannot be read.
    """
    queue = _Queue(source, stream, items, parts_of)
    try:
        while True:
            queue.fill()
            if not queue.entries:
                return
            entry = queue.entries[0]
            if isinstance(entry.item, Exception):
                raise entry.item
            yield entry.item, queue.drain(entry.chain) if entry.chain else iter(())
            queue.pass_on()
    finally:
        queue.close()
