"""Turns the first page of an unknown API into the pagination it seems to have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_rest_api.paginate import FIRST_NUMBER, FIRST_OFFSET, parse_next_link

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_rest_api.paginate import Evidence
    from tap_rest_api.traversal import Pagination

URL_PATHS = (
    "next",
    "links.next",
    "links.next.href",
    "_links.next",
    "_links.next.href",
    "next_url",
    "next_page_url",
    "nextLink",
    "@odata.nextLink",
    "paging.next",
    "pagination.next",
    "meta.next",
)
# Where a token usually stands, and the parameter that usually takes it back.
TOKEN_PATHS = {
    "next_cursor": "cursor",
    "nextCursor": "cursor",
    "meta.next_cursor": "cursor",
    "pagination.next_cursor": "cursor",
    "response_metadata.next_cursor": "cursor",
    "next_page_token": "page_token",
    "nextPageToken": "pageToken",
    "next_token": "next_token",
    "nextToken": "nextToken",
    "paging.cursors.after": "after",
    "continuation_token": "continuation_token",
    "next_page": "page",
    "meta.next_page": "page",
    "pagination.next_page": "page",
}
PAGE_PARAMS = ("page", "page_number", "pageNumber", "page_no", "p")
OFFSET_PARAMS = ("offset", "skip", "start", "startAt", "start_at")
_ROUND_SIZES = frozenset({10, 15, 20, 25, 30, 50, 100, 200, 250, 500, 1000})
# Where a body says how many records or pages there are, or whether more follow.
_TOTAL_PATHS = ("total", "total_count", "totalCount", "count", "meta.total", "meta.total_count", "pagination.total")
_PAGES_PATHS = ("pages", "total_pages", "totalPages", "last_page", "meta.total_pages", "pagination.total_pages")
_MORE_PATHS = ("has_more", "hasMore", "has_next", "hasNext", "meta.has_more", "pagination.has_more")


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found. `looks_cut`: nothing was, although the page's length or its body hints at more."""

    pagination: Pagination
    what: str
    looks_cut: bool = False


def detect_pagination(
    pagination: Pagination, params: Mapping[str, Any], used: Collection[str], page: Evidence
) -> Detected:
    """Look for a Link header, a URL or token in the body, then a page or offset that the request names.

    Args:
        pagination: The options given with `auto`; they stay.
        params: The request's query parameters.
        used: The names of the `${page.…}` templates in the request.
        page: The first page.
    """
    if parse_next_link(page.headers.get("link", "")) is not None:
        return Detected(replace(pagination, type="link"), "a Link header")
    found = _detect_in_body(pagination, used, page) or _detect_in_request(pagination, params, used)
    if found is not None:
        return found
    return Detected(replace(pagination, type="none"), "one page only", looks_cut=_looks_cut(page))


def _looks_cut(page: Evidence) -> bool:
    return (
        page.count in _ROUND_SIZES
        or any(page.find(path) is True for path in _MORE_PATHS)
        or any(_exceeds(page.find(path), page.count) for path in _TOTAL_PATHS)
        or any(_exceeds(page.find(path), 1) for path in _PAGES_PATHS)
    )


def _exceeds(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > least


def _detect_in_body(pagination: Pagination, used: Collection[str], page: Evidence) -> Detected | None:
    for path in URL_PATHS:
        if _is_url(page.find(path)):
            return Detected(replace(pagination, type="link", next=path), f'the next page\'s URL at "{path}"')
    for path, param in TOKEN_PATHS.items():
        token = page.find(path)
        if isinstance(token, (str, int)) and not isinstance(token, bool) and token != "":
            sent = None if "cursor" in used else param
            what = f'a token at "{path}"' + (f' for the parameter "{param}"' if sent else "")
            return Detected(replace(pagination, type="cursor", next=path, param=sent), what)
    return None


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?"))


def _detect_in_request(pagination: Pagination, params: Mapping[str, Any], used: Collection[str]) -> Detected | None:
    kinds = (("page", "number", PAGE_PARAMS, FIRST_NUMBER), ("offset", "offset", OFFSET_PARAMS, FIRST_OFFSET))
    for kind, template, names, first in kinds:
        if template in used:
            return Detected(replace(pagination, type=kind, start=first), f"the {kind} in the request")
        for name in names:
            if isinstance(params.get(name), int):
                what = f'the parameter "{name}" in the request'
                return Detected(replace(pagination, type=kind, param=name, start=params[name]), what)
    return None
