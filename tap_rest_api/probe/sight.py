"""Turns an answer into a Sight of it: where its records are, and what stands around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_rest_api.charset import to_utf8
from tap_rest_api.errors import RecordsPathError
from tap_rest_api.json_body import PLAIN_PATH, check_text, decode_loosely
from tap_rest_api.media import format_of
from tap_rest_api.pages import page_parser
from tap_rest_api.paginate import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_rest_api.pages import Page
    from tap_rest_api.transport import Response

_USUAL = (
    "data",
    "results",
    "items",
    "records",
    "value",
    "values",
    "entries",
    "rows",
    "hits",
    "content",
    "list",
    "objects",
)
_DEEPEST = 4
_ITSELF = "[@]"  # makes one record of an object, see docs/tap.md
_ERROR_KEYS = frozenset({"error", "errors", "message", "detail", "code", "status", "title", "type", "fault", "success"})


@dataclass(frozen=True, slots=True)
class Around:
    """A scalar outside the records: its path, the last key of that, and its value."""

    path: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Sight:
    """One page, decoded to be looked at.

    Attributes:
        records_path: The option "records"; None where the body is the array.
        records: The page's records, decoded.
        others: Other arrays of objects that could be meant.
        around: Every scalar outside of the records.
        is_single: The body is one object, which is taken for the only record.
    """

    page: Page
    records_path: str | None
    records: Sequence[Any]
    others: Sequence[str] = ()
    around: Sequence[Around] = ()
    is_single: bool = False

    @property
    def count(self) -> int:
        """Return how many records there are."""
        return len(self.records)

    def evidence(self) -> Evidence:
        """Return what the engine goes by when it looks for the next page."""
        page = self.page
        return Evidence(page.url, page.headers, self.count, b"", page.body.find, page.find_last)


_A_LIST = "ask for a list of records, such as https://api.example.com/v1/orders."


class NoRecordsError(Exception):
    """An answer that has no records; says what it is instead, and what is to be asked for in its place."""

    def __init__(self, what: str, fix: str = _A_LIST) -> None:
        super().__init__(what)
        self.fix = fix


def look(response: Response, name: str, records_path: str | None = None) -> Sight:
    """Look at an answer.

    Args:
        response: A successful one.
        name: What the records may be called.
        records_path: Where they are, once that is known.

    Raises:
        BodyError: It is not what its Content-Type says.
        NoRecordsError: It has no records.
    """
    form = format_of("auto", response.headers.get("content-type", ""))
    if form == "xml":
        raise NoRecordsError('XML, whose records only a person can name: set "records" as docs/tap.md shows')
    if form == "json":
        content_type = response.headers.get("content-type", "")
        body = decode_loosely(check_text(to_utf8(response.body, content_type)))
        if isinstance(body, dict):
            return _look_into(response, body, name, records_path)
    try:
        page = page_parser(None)(response)
    except RecordsPathError as error:
        raise NoRecordsError(error.message) from None
    records = [decode_loosely(record) for record in page.records]
    if any(not isinstance(record, dict) for record in records):
        raise NoRecordsError("an array of something else than objects")
    return Sight(page, None, records)


def _look_into(response: Response, body: dict[str, Any], name: str, known: str | None) -> Sight:
    if "paths" in body and ("openapi" in body or "swagger" in body):
        raise NoRecordsError("an OpenAPI document", "give it as one: --openapi URL.")
    arrays = dict(_arrays(body, "", 1))
    if known is not None:
        chosen: str | None = known if known in arrays or known == _ITSELF else None
    else:
        chosen = max(arrays, key=lambda path: _likelihood(path, arrays[path], name), default=None)
    if chosen is None and known is None:
        _check_single(body)
        return Sight(page_parser(_ITSELF)(response), _ITSELF, [body], is_single=True)
    if chosen is None:  # null, or absent: this page has none
        around = list(_scalars(body, "", 1, None))
        return Sight(page_parser(_ITSELF)(response), known, [], around=around)
    page = page_parser(chosen)(response)
    others = [path for path, items in arrays.items() if path != chosen and items]
    around = list(_scalars(body, "", 1, chosen))
    return Sight(page, chosen, [decode_loosely(record) for record in page.records], others, around)


def _arrays(node: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield the arrays of objects, and the empty ones, by path."""
    for key, value in node.items():
        path = f"{prefix}{key}"
        if not PLAIN_PATH.fullmatch(key):
            continue
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            yield path, value
        elif isinstance(value, dict) and depth < _DEEPEST:
            yield from _arrays(value, f"{path}.", depth + 1)


def _likelihood(path: str, items: list[Any], name: str) -> tuple[bool, bool, bool, int, int]:
    """Rank an array: one with records, by a name that fits, high up, and long."""
    key = path.rpartition(".")[2].lower()
    depth = path.count(".")
    is_links = all("href" in item for item in items) and bool(items)
    return bool(items) and not is_links, key == name.lower(), key in _USUAL, -depth, len(items)


def _scalars(node: Any, prefix: str, depth: int, left_out: str | None) -> Iterator[Around]:
    for key, value in node.items():
        path = f"{prefix}{key}"
        if path == left_out:
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _scalars(value, f"{path}.", depth + 1, left_out)
        elif not isinstance(value, (dict, list)):
            yield Around(path, key, value)
        elif isinstance(value, list) and key in ("link", "links"):
            yield from _links(path, value)


def _links(path: str, items: list[Any]) -> Iterator[Around]:
    """Read links of the form [{"rel": "next", "href": …}], as FHIR and HATEOAS have them."""
    for item in items:
        for kind in ("rel", "relation"):
            for target in ("href", "url"):
                if isinstance(item, dict) and item.get(kind) == "next" and target in item:
                    yield Around(f"{path}[?{kind}=='next'].{target} | [0]", "next", item[target])


def _check_single(body: dict[str, Any]) -> None:
    """Refuse an object that is an error, empty, or an index of other endpoints."""
    if not body:
        raise NoRecordsError("an empty object")
    if set(map(str.lower, body)) <= _ERROR_KEYS:
        raise NoRecordsError(f"no records but a message, with the keys {', '.join(list(body)[:6])}")
    urls = {key: value for key, value in body.items() if isinstance(value, str) and value.startswith("http")}
    if len(urls) > 2 and len(urls) * 2 > len(body):  # noqa: PLR2004 - a record may have a link or two
        raise NoRecordsError(f"an index of other addresses; try one of those: {', '.join(list(urls.values())[:5])}")
