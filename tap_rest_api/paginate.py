"""Turns a page and where it stood into where the next page stands, or into the proof that there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import PagingError
from tap_rest_api.origin import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from tap_rest_api.traversal import Pagination

    Token = str | int | list[Any] | dict[str, Any]

FIRST_NUMBER, FIRST_OFFSET = 1, 0
COUNTED = ("page", "offset")  # pages that need no word of the one before them

_LINK = re.compile(r"<(?P<url>[^<>]*)>(?P<parameters>[^<]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next(?=\s*(?:[;,]|$)))", re.IGNORECASE)
_TRUTHS = {1: True, 0: False, "true": True, "false": False}  # 1 and 0 are true and false as well


@dataclass(frozen=True, slots=True)
class Position:
    """Where one page stands in its chain.

    Attributes:
        index: 0 for the first page.
        cursor: The token that asks for it; an object or a list only where the request's body takes it.
        received: Records of the pages before it.
        total: How many records the pages before it promised in all.
    """

    index: int = 0
    number: int | None = None
    offset: int | None = None
    cursor: Token | None = None
    url: str | None = None
    received: int = 0
    total: int | None = None

    def scope(self, pagination: Pagination) -> dict[str, Any]:
        """Return what `${page.…}` stands for."""
        return {
            "number": self.number,
            "offset": self.offset,
            "cursor": self.cursor,
            "size": pagination.size,
        }

    def params(self, pagination: Pagination) -> dict[str, Any]:
        """Return the query parameters that ask for this page."""
        value = getattr(self, _VALUES.get(pagination.type, "cursor"))
        params = {pagination.param: value, pagination.size_param: pagination.size}
        return {name: value for name, value in params.items() if name is not None and value is not None}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a page says about the next one.

    Attributes:
        url: Where the page came from.
        headers: By lower-case name.
        count: Records on the page.
        content: What tells the page's records from those of any other page, for the loop guard.
        find: Looks up a path in the body; None where it is absent.
        find_last: Looks up a path in the last record.
    """

    url: str
    headers: Mapping[str, str]
    count: int
    content: Hashable
    find: Callable[[str], Any]
    find_last: Callable[[str], Any]


_VALUES = {"page": "number", "offset": "offset", "cursor": "cursor"}


def first_position(pagination: Pagination) -> Position:
    """Return where a chain begins; `auto` does not know yet what counts, so it offers all."""
    start = pagination.start
    number = FIRST_NUMBER if start is None else start
    offset = FIRST_OFFSET if start is None else start
    kind = pagination.type
    return Position(
        number=number if kind in ("page", "auto") else None,
        offset=offset if kind in ("offset", "auto") else None,
    )


def next_position(pagination: Pagination, position: Position, page: Evidence) -> Position | None:
    """Return where the next page stands; None once the chain has ended by its own rule.

    Raises:
        PagingError: The page contradicts itself or its forerunners, or the chain ends before its total.
    """
    total = _total(pagination, position, page)
    here = replace(position, received=position.received + page.count, total=total)
    if pagination.max_pages is not None and position.index + 1 >= pagination.max_pages:
        return None  # the user's own end counts as one
    following = _RULES[pagination.type](pagination, here, page)
    if following is not None:
        return replace(following, index=position.index + 1)
    check_total(here)
    return None


def position_ahead(position: Position, pages: int, count: int) -> Position:
    """Return where the page stands that is so many further on, if each before it holds `count` records."""
    return replace(
        position,
        index=position.index + pages,
        number=None if position.number is None else position.number + pages,
        offset=None if position.offset is None else position.offset + pages * count,
        received=position.received + pages * count,
    )


def check_total(here: Position) -> None:
    """Hold the end of a chain against what its pages promised.

    Raises:
        PagingError: Records are missing.
    """
    if here.total is not None and here.received < here.total:
        raise PagingError(f"the pages ended after {here.received} of {here.total} records")


def _total(pagination: Pagination, position: Position, page: Evidence) -> int | None:
    if pagination.total is None:
        return None
    total = page.find(pagination.total)
    if isinstance(total, str) and total.isdecimal():  # XML knows only texts
        total = int(total)
    if not isinstance(total, int) or isinstance(total, bool):
        raise PagingError(f'the page has no number at "{pagination.total}"')
    if position.total is not None and total < position.total:
        raise PagingError(
            f"the total fell from {position.total} to {total} while its pages were read",
            fix="records may have moved past us; run again.",
        )
    return total


def _more(pagination: Pagination, page: Evidence) -> bool | None:
    """Read the option "more"; None where it is not set."""
    if pagination.more is None:
        return None
    value = page.find(pagination.more)
    truth = _TRUTHS.get(value.lower() if isinstance(value, str) else value) if _is_scalar(value) else None
    if truth is None:
        raise PagingError(f'the page does not say true or false at "{pagination.more}"')
    return truth


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, bool))


def _none(_: Pagination, __: Position, ___: Evidence) -> None:
    return None


def _page(pagination: Pagination, here: Position, page: Evidence) -> Position | None:
    if _counted_to_the_end(pagination, here, page):
        return None
    return replace(here, number=(here.number or 0) + 1)


def _offset(pagination: Pagination, here: Position, page: Evidence) -> Position | None:
    """Move on by what came, not by what was asked for: a server may cap the size."""
    if _counted_to_the_end(pagination, here, page):
        return None
    if page.count == 0:
        raise PagingError("the page says that there are more, but it is empty")
    return replace(here, offset=(here.offset or 0) + page.count)


def _counted_to_the_end(pagination: Pagination, here: Position, page: Evidence) -> bool:
    more = _more(pagination, page)
    if more is not None:
        return not more
    if here.total is not None and here.received >= here.total:
        return True
    is_short = pagination.stop == "short" and page.count < (pagination.size or 0)
    return page.count == 0 or is_short


def _cursor(pagination: Pagination, here: Position, page: Evidence) -> Position | None:
    more = _more(pagination, page)
    token = None if more is False else _find_next(pagination.next or "", page)
    if token is None and more:
        raise PagingError(f'the page says that there are more, but has nothing at "{pagination.next}"')
    if token is None:
        return None
    if isinstance(token, (list, dict)) and pagination.param is not None:
        raise PagingError(
            f'what stands at "{pagination.next}" is not one value, as the parameter "{pagination.param}" takes',
            fix='send it in a JSON body, as "${page.cursor}" without "param", or name a path to one value.',
        )
    return replace(here, cursor=token)


def _find_next(path: str, page: Evidence) -> Token | None:
    """Read the option "next"; None where the page has nothing there, or something empty."""
    source, _, name = path.partition(":")
    if source == "header" and name:
        token: Any = page.headers.get(name.lower())
    elif source == "last" and name:
        token = page.find_last(name) if page.count else None
    else:
        token = page.find(path)
    if token is None or token is False or token in ("", [], {}):
        return None
    if token is True or not isinstance(token, (str, int, list, dict)):
        raise PagingError(f'what stands at "{path}" is not a token')
    return token


def _link(pagination: Pagination, here: Position, page: Evidence) -> Position | None:
    """Follow the link; where `more` is set, a link that stands on the last page as well ends nothing."""
    more = _more(pagination, page)
    if more is False:
        return None
    link = (
        parse_next_link(page.headers.get("link", "")) if pagination.next is None else _find_next(pagination.next, page)
    )
    if isinstance(link, (list, dict)):
        raise PagingError(f'what stands at "{pagination.next}" is not a link')
    if link is None and more:
        raise PagingError("the page says that there are more, but has no link to them")
    return None if link is None else replace(here, url=resolve(page.url, str(link)))


def parse_next_link(header: str) -> str | None:
    """Read the target of rel="next" from a Link header (RFC 8288)."""
    for match in _LINK.finditer(header):
        if _NEXT.search(match["parameters"]):
            return match["url"]
    return None


_RULES: dict[str, Callable[[Pagination, Position, Evidence], Position | None]] = {
    "none": _none,
    "page": _page,
    "offset": _offset,
    "cursor": _cursor,
    "link": _link,
}
