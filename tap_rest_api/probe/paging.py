"""Turns guesses at how an API pages into the one that held when it was tried, or into the admission that none did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import BodyError, ConfigError, PagingError, RefusedError
from tap_rest_api.paginate import COUNTED, first_position, next_position, position_ahead
from tap_rest_api.probe.hints import Guess, guesses, more_flags, sizes, totals
from tap_rest_api.probe.sight import NoRecordsError, look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_rest_api.paginate import Position
    from tap_rest_api.probe.asker import Asker
    from tap_rest_api.probe.notes import Notes
    from tap_rest_api.probe.sight import Sight

_FAR_AWAY = {"page": 100_000, "offset": 10_000_000}
_LARGER_PAGE = 100
_MOST_TRIES = 8
_OK = 200
_ENDS = frozenset({400, 404, 416, 422})


@dataclass(frozen=True, slots=True)
class Paging:
    """What was found.

    Attributes:
        options: What to put into the draft: "pagination" and, where the API ends its pages with an error, "errors".
            Empty where nothing was proven.
        named: Parameters of the request that it takes the place of.
        sights: The pages that were seen, the first one first; none twice.
    """

    options: dict[str, Any]
    named: frozenset[str] = frozenset()
    sights: Sequence[Sight] = ()


@dataclass(slots=True)
class Prober:
    """Tries guesses.

    Attributes:
        asker: Asks the API.
        raw: The draft of the stream, without pagination.
        first: Its first page.
        key: The fields that tell its records apart; empty where only their whole content does.
        notes: Takes what is found, and what is not.
    """

    asker: Asker
    raw: dict[str, Any]
    first: Sight
    key: Sequence[str]
    notes: Notes
    tries: int = field(default=0)
    tried: set[str] = field(default_factory=set)

    def find(self) -> Paging:
        """Try the guesses in turn, until one holds."""
        params = self.raw.get("params", {})
        for guess in guesses(self.first, params):
            if self.tries >= _MOST_TRIES:
                break
            attempt = repr(sorted(guess.options.items()))
            if attempt in self.tried:
                continue
            self.tried.add(attempt)
            try:
                found = self._try(guess)
            except RefusedError as error:
                self.notes.doubt("pagination", f"the API stopped answering: {error.message}", "try again later.")
                break
            if found is not None:
                return found
        return Paging({}, sights=[self.first])

    def _try(self, guess: Guess) -> Paging | None:
        kind = guess.options["type"]
        if kind == "page":
            return self._try_page(guess)
        if kind == "offset":
            return self._try_offset(guess)
        return self._try_chain(guess)

    def _draft(self, options: Mapping[str, Any], named: frozenset[str]) -> dict[str, Any]:
        params = {name: value for name, value in self.raw.get("params", {}).items() if name not in named}
        return {**self.raw, "params": params, "pagination": dict(options)}

    def _see(self, draft: Mapping[str, Any], why: str, position: Position | None) -> Sight | int:
        """Ask for a page; return what it shows, or the status of an answer that shows nothing."""
        self.tries += 1
        try:
            response, _ = self.asker.ask(draft, why, position)
            if response.status != _OK:
                return response.status
            return look(response, self.raw["name"], self.first.records_path)
        except (NoRecordsError, BodyError, ConfigError):
            return 0

    def _first_position(self, draft: Mapping[str, Any]) -> Position:
        return first_position(self.asker.stream(draft).pagination)

    def _try_chain(self, guess: Guess) -> Paging | None:
        """Follow a link or token once, as the engine would."""
        draft = self._draft(guess.options, guess.named)
        try:
            pagination = self.asker.stream(draft).pagination
            position = next_position(pagination, self._first_position(draft), self.first.evidence())
            second = self._see(draft, f"a second page, by {guess.sign}?", position) if position else 0
        except (PagingError, ConfigError):
            return None
        except RefusedError as error:
            fix = error.fix or "follow it by hand, and write the option as docs/tap.md shows."
            self.notes.doubt("pagination", f"{guess.sign}, but it cannot be followed: {error.message}", fix)
            return Paging({"pagination": guess.options}, guess.named, [self.first])
        if isinstance(second, int) or not self._is_another(second):
            return None
        param = f', sent back as "{guess.options["param"]}"' if "param" in guess.options else ""
        said = f"a second page with {second.count} other records" if second.count else "a second page, which was empty"
        self.notes.found("pagination", f"{guess.sign}{param}: it led to {said}")
        return Paging({"pagination": guess.options}, guess.named, [self.first, second])

    def _try_page(self, guess: Guess) -> Paging | None:
        """Ask for page 2; unless the body numbers its page, for page 1 too: if that is another, counting is from 0."""
        start = guess.starts if guess.starts is not None else 1
        options = {**guess.options, **({"start": start} if start != 1 else {})}
        draft = self._draft(options, guess.named)
        here = self._first_position(draft)
        second = self._see(draft, f"page {start + 1}, by {guess.sign}?", replace(here, index=1, number=start + 1))
        if isinstance(second, int) or not self._is_another(second):
            return None
        if guess.starts is None:
            again = self._see(draft, "is page 1 the first one, or 0?", replace(here, number=1))
            if isinstance(again, int) or not self._is_same(again):
                if isinstance(again, int) or not self._is_another(again):
                    return None
                options, second = {**guess.options, "start": 0}, again
                draft = self._draft(options, guess.named)
        param, start = options["param"], options.get("start", 1)
        if start > 1:
            self.notes.doubt(
                "the first page", f"the address begins at page {start}", 'set "start" if those before it are wanted.'
            )
        said = f"page {start + 1} has {second.count} other records"
        return self._to_the_end(draft, guess, second, f'pages by "{param}", from {start}: {said}')

    def _try_offset(self, guess: Guess) -> Paging | None:
        """Ask for the last record of the first page and those after it: that the two meet proves what is counted."""
        param = guess.options["param"]
        draft = self._draft(guess.options, guess.named)
        here = self._first_position(draft)
        edge = replace(here, index=1, offset=max(self.first.count - 1, 0))
        second = self._see(draft, f"is the record at {param}={edge.offset} the last one of the first page?", edge)
        if isinstance(second, int) or not second.records or self.first.count < 2:  # noqa: PLR2004 - an edge needs two
            return None
        own, last = self._identities(second), self._identities(self.first)[-2:]
        options = guess.options
        if own[:2] == last:
            options = {**options, "start": 1}
        elif own[0] != last[-1] or set(own[1:]) & set(self._identities(self.first)):
            return None
        draft = self._draft(options, guess.named)
        return self._to_the_end(
            draft, guess, second, f'offsets by "{param}": record {edge.offset} is where it should be'
        )

    def _to_the_end(self, draft: dict[str, Any], guess: Guess, second: Sight, said: str) -> Paging:
        """See what comes far past the end, and with it what tells the end."""
        options = dict(draft["pagination"])
        kind = options["type"]
        here = self._first_position(draft)
        far = position_ahead(here, _FAR_AWAY[kind], 1)
        try:
            beyond = self._see(draft, f"what comes far past the end, at {options['param']}={_FAR_AWAY[kind]}?", far)
        except RefusedError:
            beyond = 0
        total = self._total(second)
        more = self._more(beyond)
        found: dict[str, Any] = {"pagination": options}
        if total is not None:
            options["total"] = total
            self.notes.found("total", f'the number of all records, at "{total}"')
        elif more is not None:
            options["more"] = more
            self.notes.found("more", f'whether there are more, at "{more}"')
        elif isinstance(beyond, int) and beyond in _ENDS:
            found["errors"] = [{"status": [beyond], "do": "end"}]
            self.notes.doubt(
                "the last page",
                f"the API answers {beyond} past the last page, so that is taken for the end",
                f"if a {beyond} can mean something else as well, look for a total or a flag in the answers.",
            )
        elif isinstance(beyond, int) or beyond.count:
            what = f"answers {beyond or 'no page'}" if isinstance(beyond, int) else "sends records"
            self.notes.doubt(
                "the last page",
                f"far past the end, the API {what}, and nothing else tells the last page",
                'set "more" or "total" (docs/tap.md, pagination), or with a known size "stop": "short".',
            )
        else:
            said = f"{said}, one far past the end has none"
        self.notes.found("pagination", said)
        return Paging(found, guess.named, [self.first, second])

    def _total(self, second: Sight) -> str | None:
        """Find a number of all records: the same on both pages, and no less than what they hold together."""
        held = len({*self._identities(self.first), *self._identities(second)})
        after = {item.path: item.value for item in totals(second)}
        fitting = [item.path for item in totals(self.first) if after.get(item.path) == item.value >= held]
        return fitting[0] if fitting else None

    def _more(self, beyond: Sight | int) -> str | None:
        if isinstance(beyond, int):
            return None
        says_no = {item.path for item in beyond.around if item.value is False}
        return next((item.path for item in more_flags(self.first) if item.path in says_no), None)

    def enlarge(self, paging: Paging) -> Paging:
        """Look for the parameter that takes a page's size, and whether it can be larger."""
        options = paging.options.get("pagination")
        params = self.raw.get("params", {})
        if not options:
            return paging
        names = sizes(self.first, params, options["type"])
        given = next((name for name in names if name in params and isinstance(params[name], int)), None)
        if given is not None:
            sized = {**options, "size": params[given], "size_param": given}
            self.notes.found("page size", f'{params[given]}, by "{given}", as the address says')
            return replace(paging, options={**paging.options, "pagination": sized}, named=paging.named | {given})
        if self.first.count >= _LARGER_PAGE or not paging.sights[-1].count:
            return paging
        for name in names[:2]:
            larger = self._try_size({**options, "size": _LARGER_PAGE, "size_param": name}, paging)
            if larger is not None:
                return larger
        return paging

    def _try_size(self, options: dict[str, Any], paging: Paging) -> Paging | None:
        draft = self._draft(options, paging.named)
        name = options["size_param"]
        try:
            sight = self._see(draft, f'does "{name}" make the pages larger?', self._first_position(draft))
            if isinstance(sight, int) or sight.count <= self.first.count:
                return None
            own, first = self._identities(sight), self._identities(self.first)
            if own[: len(first)] != first or not self._has_total(sight, options):
                return None
            if sight.count == _LARGER_PAGE and options["type"] in COUNTED and not self._goes_on(draft, sight):
                return None
        except RefusedError:
            return None
        capped = sight.count if options["type"] in COUNTED and self._is_capped(sight, paging) else _LARGER_PAGE
        self.notes.found("page size", f'{capped}, by "{name}"; {self.first.count} without it')
        found = {**paging.options, "pagination": {**options, "size": capped}}
        return replace(paging, options=found, sights=[sight, *paging.sights[1:]])

    def _goes_on(self, draft: dict[str, Any], larger: Sight) -> bool:
        """See that the second of the larger pages follows the first."""
        pagination = self.asker.stream(draft).pagination
        try:
            position = next_position(pagination, self._first_position(draft), larger.evidence())
        except PagingError:
            return False
        if position is None:
            return True
        second = self._see(draft, "and does the next of these follow?", position)
        return not isinstance(second, int) and not set(self._identities(second)) & set(self._identities(larger))

    def _has_total(self, sight: Sight, options: Mapping[str, Any]) -> bool:
        """Tell whether a page says how many there are, if it is to: a run stops at one that does not."""
        return "total" not in options or type(sight.page.body.find(options["total"])) is int

    def _is_capped(self, sight: Sight, paging: Paging) -> bool:
        total = paging.options["pagination"].get("total")
        return sight.count < _LARGER_PAGE and total is not None and int(sight.page.body.find(total)) > sight.count

    def _identities(self, sight: Sight) -> list[str]:
        if not self.key:
            return [bytes(record).decode("utf-8", "replace") for record in sight.page.records[: sight.count]]
        return [repr([record.get(name) for name in self.key]) for record in sight.records]

    def _is_another(self, sight: Sight) -> bool:
        """Tell a page that follows: it is empty, or has none of the first one's records."""
        return not set(self._identities(sight)) & set(self._identities(self.first))

    def _is_same(self, sight: Sight) -> bool:
        return self._identities(sight) == self._identities(self.first)
