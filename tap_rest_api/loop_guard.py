"""Stops a chain of pages that would never end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api.errors import PagingError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tap_rest_api.paginate import Evidence, Position

_MAX_EMPTY_PAGES = 20  # in a row; an API that filters after it has cut its pages may send some


class LoopGuard:
    """Remembers eight bytes of every token and every page of a chain, and stops at the first repeat.

    So no page is ever asked for a third time, whether the API repeats a token, a ring of tokens, a link to
    itself, or the last page's records for every number past the end.
    """

    def __init__(self) -> None:
        self._tokens: set[int] = set()
        self._pages: set[int] = set()
        self._empty_pages = 0

    def check_page(self, page: Evidence) -> None:
        """Hold a page against all before it.

        Raises:
            PagingError: Its records have come before, or too many pages in a row were empty.
        """
        self._empty_pages = 0 if page.count else self._empty_pages + 1
        if self._empty_pages > _MAX_EMPTY_PAGES:
            raise PagingError(f"{_MAX_EMPTY_PAGES} pages in a row were empty, and still there is a next one")
        if page.count:
            self._remember(self._pages, page.content, "the API sent a page a second time")

    def check_next(self, position: Position) -> None:
        """Hold the next page's token or link against all before it.

        Raises:
            PagingError: It has been given before.
        """
        token = position.url if position.url is not None else position.cursor
        if token is not None:
            self._remember(self._tokens, repr(token), "the API names a next page that it has named before")

    def _remember(self, seen: set[int], what: Hashable, complaint: str) -> None:
        digest = hash(what)  # SipHash, 64 bits, keyed by the process
        if digest in seen:
            fix = "the pagination options may not fit this API: it would never end."
            raise PagingError(complaint, fix=fix)
        seen.add(digest)
