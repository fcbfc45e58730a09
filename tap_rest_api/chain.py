"""Turns one unit into its batches, page after page, the next ones asked for before they are used."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_rest_api.allowance import SpentError
from tap_rest_api.bookmark import hold, is_ascending
from tap_rest_api.errors import RefusedError, TapError
from tap_rest_api.paginate import check_total
from tap_rest_api.place import begin_walk
from tap_rest_api.verbs import anew, shrink, split
from tap_rest_api.walk import guess, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.json_body import Slice
    from tap_rest_api.pages import Page
    from tap_rest_api.place import Place
    from tap_rest_api.transport import Request
    from tap_rest_api.unit import Unit
    from tap_rest_api.verdict import Answer

_MOST_RESETS = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """One page's records that are to be emitted.

    Attributes:
        records: Each its own JSON text.
        reading: How far the unit has come with them.
        extracted_at: When the page was received.
        as_of: A time on the server's clock: whatever bears an earlier one, the page could show.
        is_proven: Once they are emitted, nothing before `reading.reached` is missing.
        is_skipped: A rule of the option "errors" left the rest of the unit out.
        total: How many records the pages of the unit promised in all, where they did.
    """

    records: Sequence[Slice]
    reading: Reading
    extracted_at: datetime
    as_of: datetime
    is_proven: bool
    is_skipped: bool = False
    total: int | None = None


class Chain:
    """The pages of one unit: those asked for, and the batches that wait for their turn.

    Where pages are counted, those that must come are asked for before the one before them has told so. If it then
    tells otherwise, they are forgotten: what comes out is the same as if each had been asked for in its turn.
    """

    def __init__(self, unit: Unit, reading: Reading) -> None:
        self._unit = unit
        self._reading = reading
        self._place: Place | None = None
        self._asked: deque[tuple[Request, Future[Answer[Page]]]] = deque()
        self._held: deque[Batch] = deque()
        self._flowing: Iterator[Batch] | None = None
        self._error: Exception | None = None
        self._began: datetime | None = None
        self._rest: deque[Reading] = deque()
        self._is_loose = False
        self._resets = 0
        begins_again = any(rule.do in ("split", "reset") for rule in unit.stream.errors)
        self._sent: Counter[int] | None = Counter() if begins_again else None
        self._known: Counter[int] = Counter()
        self._begin()

    @property
    def load(self) -> int:
        """How many pages are under way or wait."""
        return len(self._asked) + len(self._held)

    @property
    def is_ready(self) -> bool:
        """Whether the next page has come, so that `advance` does not wait."""
        return self._flowing is None and bool(self._asked) and self._asked[0][1].done()

    def _begin(self) -> None:
        try:
            self._place = begin_walk(self._unit, self._reading)
        except TapError as error:
            self._fail(error)

    def ask(self, room: int) -> None:
        """Ask for up to so many more pages."""
        if self._place is None or room < 1 or self._flowing is not None:
            return
        try:
            if not self._asked:
                self._send(self._place)
                room -= 1
            for place in guess(self._unit, self._place, len(self._asked), room):
                self._send(place)
        except SpentError as error:
            if not self._asked:  # a guess may yet prove needless
                self._fail(error)

    def _send(self, place: Place) -> None:
        self._asked.append((place.request, self._unit.ask(place.request, place.position)))

    def take(self) -> Batch | None:
        """Return the next batch, having asked for the page after it; None after the last one.

        Raises:
            TapError: The unit cannot be read on.
            SpentError: The run may ask no more.
        """
        while not self._held:
            if self._flowing is not None:
                self._flow(self._flowing)
                continue
            if self._error is not None:
                raise self._error
            if self._place is None:
                return None
            self.ask(1)
            if self._asked:
                self.advance()
        return self._held.popleft()

    def advance(self) -> None:
        """Use the next page, waiting for it if it has not come, and ask for the one after it."""
        place, future = self._place, self._asked.popleft()[1]
        if place is None:
            return
        try:
            self._flowing = self._use(place, future.result())
        except Exception as error:  # noqa: BLE001 - it is raised in its turn, after the batches before it
            self._fail(error)
        else:
            self._flow(self._flowing)

    def _flow(self, batches: Iterator[Batch]) -> None:
        """Hold one more batch of the page that is in use; with its last one, ask for the next page."""
        try:
            batch = next(batches, None)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return
        if batch is not None:
            self._held.append(batch)
        if self._flowing is None:
            if self._asked and (self._place is None or self._asked[0][0] != self._place.request):
                self.close()
            self.ask(0 if self._asked else 1)

    def _use(self, place: Place, answer: Answer[Page]) -> Iterator[Batch]:
        """Take an answer in. What was read while the unit changed holds the bookmark back, see `hold`.

        A page is one batch, but for a body that is too large to hold, which is read a piece at a time.
        """
        if answer.action in ("shrink", "split", "reset"):
            self._place, self._flowing = self._go_on(place, answer.action), None
            return
        is_first, began = self._began is None, self._began or answer.as_of
        self._began = began
        if answer.page is not None:
            for piece in answer.page.earlier():
                place = replace(place, begun=place.begun or bytes(piece[0]))
                if place.is_unheeded(place.begun):
                    break
                page = replace(answer.page, records=piece)
                reading, kept, _ = self._unit.take(place.reading, page, place.position)
                place = replace(place, reading=reading)
                yield Batch(self._unsent(kept), reading, answer.received_at, answer.as_of, is_proven=False)
            taken = step(self._unit, place, answer.page)
            records, reading, self._place = self._unsent(taken.records), taken.reading, taken.place
            is_proven, is_skipped = taken.is_proven, False
        else:
            is_proven, is_skipped = answer.action == "end", answer.action != "end"
            if is_proven:
                check_total(place.position)
            records, reading, self._place = (), place.reading, None
        if self._place is None and not is_first:
            reading = hold(reading, began)
        is_proven = is_proven and not (self._is_loose and self._rest)
        if self._place is None and self._rest and not is_skipped:
            self._reading = replace(self._rest.popleft(), reached=reading.reached)
            self._place = begin_walk(self._unit, self._reading)
        self._flowing = None
        total = self._place.position.total if self._place is not None else None
        yield Batch(records, reading, answer.received_at, answer.as_of, is_proven, is_skipped, total)

    def _go_on(self, place: Place, verb: str) -> Place:
        """Do what a rule says about a page that was refused: half the page, half the window, or the chain anew."""
        if verb == "shrink":
            return shrink(self._unit, place)
        if self._sent is not None:
            self._known = self._sent.copy()  # what has been sent comes again
        if verb == "split":
            first, second = split(place.proven, self._reading)
            self._is_loose |= bool(self._sent) and not is_ascending(place.reading)  # some of the second half is out
            self._rest.appendleft(second)
            return begin_walk(self._unit, first)
        self._resets += 1
        if self._resets > _MOST_RESETS:
            raise RefusedError(f"the pages have been begun again {_MOST_RESETS} times, and are refused still")
        return begin_walk(self._unit, anew(place.proven, self._reading))

    def _unsent(self, records: Sequence[Slice]) -> Sequence[Slice]:
        """Leave out what was sent before the chain began again, as often as it was sent, and note the rest."""
        if self._sent is None:
            return records
        unsent = []
        for record in records:
            digest = hash(bytes(record))
            if self._known[digest] > 0:
                self._known[digest] -= 1
            else:
                self._sent[digest] += 1
                unsent.append(record)
        return unsent

    def _fail(self, error: Exception) -> None:
        if isinstance(error, TapError):
            error.where = error.where or f'stream "{self._unit.stream.name}"'
        self._error, self._place, self._flowing = error, None, None

    def close(self) -> None:
        """Take back the requests that have not been begun."""
        for _, future in self._asked:
            future.cancel()
        self._asked.clear()
