"""Turns a first page into the ways in which its API may page, likeliest first: guesses, each still to be proven."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_rest_api.detect import TOKEN_PATHS
from tap_rest_api.paginate import parse_next_link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_rest_api.probe.sight import Around, Sight

SIZE_PARAMS = (
    "per_page perpage perPage limit page_size pageSize pagesize size count take top $top $limit _limit max_results "
    "maxResults pageLimit results_per_page first rows num n page[size] page[limit]"
).split()
_NEXT_HEADERS = {
    "x-next-page": ("page",),
    "x-next-cursor": ("cursor", "next_cursor"),
    "x-next-token": ("next_token", "token"),
    "x-continuation-token": ("continuation_token", "continuationToken"),
    "x-ms-continuation": ("continuation", "continuationToken"),
}
_CURSOR_PARAMS = ("cursor", "page_token", "pageToken", "after", "next_token", "token", "starting_after")
_TOKEN_KEY = re.compile(r"next|cursor|continuation|page_?token|scroll_?id|^after$", re.IGNORECASE)
_NO_TOKEN_KEY = re.compile(r"prev|last|first|before|self|has|is_|count|start_?cursor", re.IGNORECASE)
_MORE_KEY = re.compile(r"(?:has|is)_?(?:more|next)(?:_?(?:page|items|results|data))?|more|is_?truncated", re.IGNORECASE)
_TOTAL_KEY = re.compile(
    r"total(?:_?(?:count|results|items|records|elements|hits|rows|size|entries))?|"
    r"(?:count|record_?count|num_?found|result_?count|total_?size|@?odata\.count|_?count)",
    re.IGNORECASE,
)
_PAGE_KEY = re.compile(r"page|current_?page|page_?(?:number|no|index|num)|number", re.IGNORECASE)
_PAGES_KEY = re.compile(
    r"(?:total_?|num_?|last_?)?pages?(?:_?count)?|last_?page|(?:total|num|page)_?pages?", re.IGNORECASE
)
_PAGE_PARAM = re.compile(r"_?page(?:_?(?:number|no|num|index))?|page\[number\]|p|pg", re.IGNORECASE)
_OFFSET_PARAM = re.compile(r"[$_]?(?:offset|skip|start(?:_?(?:at|index|row))?)|page\[offset\]", re.IGNORECASE)
_OFFSET_KEY = re.compile(r"offset|skip|start_?(?:at|index)?", re.IGNORECASE)
_LAST_RECORD_PARAMS = ("starting_after", "after", "after_id", "since_id", "last_id")
_USUAL = (
    ("page", "page"),
    ("offset", "offset"),
    ("offset", "skip"),
    ("page", "_page"),
    ("offset", "_start"),
    ("page", "p"),
)
_ROUND_SIZES = frozenset({5, 10, 12, 15, 20, 24, 25, 30, 40, 50, 60, 64, 100, 128, 200, 250, 256, 500, 1000})
_MOST_CURSOR_PARAMS = 4


@dataclass(frozen=True, slots=True)
class Guess:
    """A way in which an API may page.

    Attributes:
        options: The option "pagination".
        sign: What it goes by, for a person.
        starts: For pages with numbers: the first one's number as the body tells it, else None.
        named: Parameters of the request that the option takes the place of.
    """

    options: dict[str, Any]
    sign: str
    starts: int | None = None
    named: frozenset[str] = field(default=frozenset())


def guesses(first: Sight, params: Mapping[str, Any]) -> Iterator[Guess]:
    """Yield the guesses that a first page and the request for it suggest."""
    yield from _links(first)
    yield from _tokens(first, params)
    yield from _header_tokens(first)
    yield from _counted(first, params)
    if more_flags(first):
        yield from _last_records(first)
    if _may_go_on(first):
        yield from _blind(params)


def _links(first: Sight) -> Iterator[Guess]:
    if parse_next_link(first.page.headers.get("link", "")) is not None:
        yield Guess({"type": "link"}, "a Link header with rel=next")
    for around in first.around:
        is_next = "next" in around.key.lower() or around.path.lower().endswith("next.href")
        if is_next and is_url(around.value):
            yield Guess({"type": "link", "next": around.path}, f'the next page\'s URL at "{around.path}"')


def _tokens(first: Sight, params: Mapping[str, Any]) -> Iterator[Guess]:
    for around in first.around:
        value = around.value
        is_scalar = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
        if not is_scalar or is_url(value) or not is_token_key(around.key):
            continue
        for param in _params_of(around, params):
            options = {"type": "cursor", "next": around.path, "param": param}
            yield Guess(options, f'a token at "{around.path}"', named=frozenset({param}))


def is_page_param(name: str) -> bool:
    """Tell whether a parameter is named like one that takes a page's number."""
    return bool(_PAGE_PARAM.fullmatch(name))


def is_offset_param(name: str) -> bool:
    """Tell whether a parameter is named like one that takes an offset."""
    return bool(_OFFSET_PARAM.fullmatch(name))


def is_token_key(key: str) -> bool:
    """Tell whether a key is one under which a next page's token stands."""
    return bool(_TOKEN_KEY.search(key)) and not _NO_TOKEN_KEY.search(key)


def is_url(value: Any) -> bool:
    """Tell a link from a token."""
    return isinstance(value, str) and value.startswith(("http://", "https://", "/", "?"))


def _params_of(around: Around, params: Mapping[str, Any]) -> list[str]:
    """Return the parameters that may take a token back, likeliest first."""
    usual = [TOKEN_PATHS[around.path]] if around.path in TOKEN_PATHS else []
    bare = re.sub(r"^next[_-]?(?=.)", "", around.key)
    bare = bare[:1].lower() + bare[1:]
    if isinstance(around.value, int):
        found = [*usual, bare, *(["page"] if "page" in bare else ["offset", "skip"])]
    else:
        found = [*usual, bare, around.key, *_CURSOR_PARAMS]
    in_request = [name for name in params if name in found]
    return list(dict.fromkeys([*in_request, *found]))[:_MOST_CURSOR_PARAMS]


def _header_tokens(first: Sight) -> Iterator[Guess]:
    for header, names in _NEXT_HEADERS.items():
        if first.page.headers.get(header):
            for param in names:
                options = {"type": "cursor", "next": f"header:{header.title()}", "param": param}
                yield Guess(options, f"a token in the header {header.title()}", named=frozenset({param}))


def _counted(first: Sight, params: Mapping[str, Any]) -> Iterator[Guess]:
    """Yield pages by number or offset: as the request names them, else as the body does."""
    number = next((item.value for item in first.around if _is_int(item.value) and _PAGE_KEY.fullmatch(item.key)), None)
    starts = number if number in (0, 1) else None
    for name in params:
        if is_page_param(name):
            start = params[name] if _is_int(params[name]) else None
            yield Guess(
                {"type": "page", "param": name}, f'the parameter "{name}" of the request', start, frozenset({name})
            )
        if is_offset_param(name):
            yield Guess(
                {"type": "offset", "param": name}, f'the parameter "{name}" of the request', None, frozenset({name})
            )
    for item in first.around:
        if not _is_int(item.value):
            continue
        if _OFFSET_KEY.fullmatch(item.key):
            yield Guess({"type": "offset", "param": item.key}, f'an offset at "{item.path}"')
        elif _PAGES_KEY.fullmatch(item.key) or _PAGE_KEY.fullmatch(item.key):
            for param in ("page", item.key) if _PAGE_KEY.fullmatch(item.key) and item.key != "number" else ("page",):
                yield Guess({"type": "page", "param": param}, f'a page number at "{item.path}"', starts)


def _last_records(first: Sight) -> Iterator[Guess]:
    if first.records and "id" in first.records[-1]:
        more = more_flags(first)[0].path
        for param in _LAST_RECORD_PARAMS:
            options = {"type": "cursor", "next": "last:id", "param": param, "more": more}
            yield Guess(options, f'the flag "{more}", and the last record\'s id')


def _may_go_on(first: Sight) -> bool:
    """Tell whether it is worth trying what nothing names: the page looks cut, or says that there is more."""
    says_more = any(item.value > first.count for item in totals(first)) or bool(more_flags(first))
    return says_more or first.count in _ROUND_SIZES


def _blind(params: Mapping[str, Any]) -> Iterator[Guess]:
    for kind, name in _USUAL:
        if name not in params:
            yield Guess({"type": kind, "param": name}, f'the usual parameter "{name}"')


def totals(sight: Sight) -> list[Around]:
    """Return what may be the number of records in all."""
    return [item for item in sight.around if _is_int(item.value) and _TOTAL_KEY.fullmatch(item.key)]


def more_flags(sight: Sight) -> list[Around]:
    """Return the flags that say that there is a next page."""
    return [item for item in sight.around if item.value is True and _MORE_KEY.fullmatch(item.key)]


def sizes(first: Sight, params: Mapping[str, Any], kind: str) -> list[str]:
    """Return the parameters that may take a page's size, likeliest first."""
    named = [name for name in params if name in SIZE_PARAMS and _is_int(params[name])]
    told = [item.key for item in first.around if item.key in SIZE_PARAMS and item.value == first.count]
    usual = ["per_page", "limit"] if kind in ("page", "link") else ["limit", "per_page"]
    return list(dict.fromkeys([*named, *told, *usual]))


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
