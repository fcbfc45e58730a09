"""Turns an HTTP answer into a Page: each record as its own bytes, found where the configuration says."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw

from tap_rest_api.charset import to_utf8
from tap_rest_api.csv_rows import read_rows
from tap_rest_api.cut import cut
from tap_rest_api.errors import RecordsPathError
from tap_rest_api.json_body import (
    PLAIN_PATH,
    Body,
    check_text,
    decode_exact,
    encode_exact,
    find_in,
    open_array,
    open_object,
    opens,
    parse_body,
    search,
)
from tap_rest_api.lines import read_lines
from tap_rest_api.media import format_of
from tap_rest_api.xml_body import parse_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import BinaryIO

    from tap_rest_api.json_body import Slice
    from tap_rest_api.transport import Response

_SHOWN_KEYS = 12
_SHOWN_KEY_CHARACTERS = 80
_NO_BODY = Body(b"{}", {})


def _none() -> Iterator[Sequence[Slice]]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one stream.

    Attributes:
        body: Where other paths are looked up.
        url: Where it came from.
        headers: By lower-case name.
        received_at: When the answer was whole, in UTC.
        path: Where the records were found; None when the body is the array itself.
        records: Each record's own text; of a body that is too large to hold, the last ones.
        count: How many there are in all.
        earlier: Reads those before `records` again, a piece at a time.
    """

    body: Body
    url: str
    headers: Mapping[str, str]
    received_at: datetime
    path: str | None
    records: Sequence[Slice]
    count: int
    earlier: Callable[[], Iterator[Sequence[Slice]]] = _none

    def find_last(self, path: str) -> Any:
        """Look a path up in the last record."""
        return find_in(decode_exact(self.records[-1]), path)


def page_parser(
    records: str | None, paths: Sequence[str] | None = None, form: str = "auto"
) -> Callable[[Response], Page]:
    """Return what finds the records of an answer.

    Args:
        records: The option "records"; None looks for the only array of objects.
        paths: What else will be looked up in the body; None if that may be anything.
        form: The option "format".

    Returns:
        A parser, which raises BodyError where the body is not what its format asks for, and RecordsPathError where
        it has no records where they should be.
    """
    read_envelope = _envelope_reader(records, paths)
    wanted = [path for path in (records, *(paths or ())) if path and not path.startswith(("header:", "last:"))]

    def parse_json(response: Response, content_type: str) -> Page:
        text = check_text(to_utf8(response.body, content_type))
        body, path, found = read_envelope(text) or _read_anything(text, records)
        return _to_page(response, body, found, path)

    def parse_marked_up(response: Response, content_type: str) -> Page:
        body, found = parse_xml(response.body, content_type, records)
        return _to_page(response, body, found, records)

    def parse_lines(response: Response, content_type: str) -> Page:
        return _read_pieces(response, lambda file: read_lines(file, content_type), wanted)

    def parse_rows(response: Response, content_type: str) -> Page:
        return _read_pieces(response, lambda file: read_rows(file, content_type), wanted)

    parsers = {"json": parse_json, "xml": parse_marked_up, "jsonl": parse_lines, "csv": parse_rows}

    def parse(response: Response) -> Page:
        content_type = response.headers.get("content-type", "")
        return parsers[format_of(form, content_type)](response, content_type)

    return parse


def _to_page(response: Response, body: Body, records: Sequence[Slice], path: str | None) -> Page:
    return Page(body, response.url, response.headers, response.received_at, path, records, len(records))


def _read_pieces(
    response: Response, read: Callable[[BinaryIO], Iterator[Sequence[Slice]]], wanted: Sequence[str]
) -> Page:
    """Read a body that is nothing but records. A large one is looked through first, so that it is whole or absent."""
    if wanted:
        fix = 'leave it out, or set "format" to what the answers are.'
        raise RecordsPathError(f'is not JSON, and so has no "{wanted[0]}"', fix=fix)
    spool = response.spool
    if spool is None:
        records = [record for piece in read(io.BytesIO(response.body)) for record in piece]
        return _to_page(response, _NO_BODY, records, None)
    pieces = count = 0
    last: Sequence[Slice] = ()
    with spool.open() as file:
        for piece in filter(None, read(file)):
            pieces, count, last = pieces + 1, count + len(piece), piece

    def earlier() -> Iterator[Sequence[Slice]]:
        with spool.open() as file:
            yield from islice(filter(None, read(file)), max(pieces - 1, 0))

    page = _to_page(response, _NO_BODY, last, None)
    return replace(page, count=count, earlier=earlier)


Found = tuple[Body, str | None, "Sequence[Slice]"]


def _read_anything(text: bytes, records: str | None) -> Found:
    body = parse_body(text)
    path = records if records is not None else _only_array(body)
    return body, path, open_array(body.text if path is None else _array_at(body, path))


def _envelope_reader(records: str | None, paths: Sequence[str] | None) -> Callable[[bytes], Found | None]:
    """Return what reads the usual page in one go: records at a top-level key, and the members that paths name.

    It gives None where the page is not like that, or not on one line, and leaves it to the thorough way.
    """
    names = {key for path in paths or () for key in (path, path.split(".")[0])}
    if records is None or paths is None or records in names or not PLAIN_PATH.fullmatch(records):
        return lambda _: None
    slots = {f"f{index}": name for index, name in enumerate(sorted(names))}
    fields = [("records", list[Raw] | msgspec.UnsetType, UNSET), *((slot, Raw, Raw()) for slot in slots)]
    envelope = msgspec.defstruct("Envelope", fields, rename={"records": records, **slots})
    decoder = msgspec.json.Decoder(envelope)

    def read(text: bytes) -> Found | None:
        try:
            found: Any = decoder.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return None
        if found.records is UNSET or b"\n" in text or b"\r" in text:
            return None
        values = {name: getattr(found, slot) for slot, name in slots.items()}
        return Body(text, {name: value for name, value in values.items() if bytes(value)}), records, found.records

    return read


def _array_at(body: Body, path: str) -> Slice:
    found = body.slice_at(path)
    if found is None and not PLAIN_PATH.fullmatch(path):
        found = _search_array(body, path)
    if found is None:
        raise RecordsPathError(f'has no field "{path}"', fix=_suggest(body))
    if opens(found, b"n"):  # null, for "none today"
        return b"[]"
    if not opens(found, b"["):
        raise RecordsPathError(f'has no array at "{path}"', fix=_suggest(body))
    return found


def _search_array(body: Body, path: str) -> bytes | None:
    """Take the slow way of JMESPath, which decodes the page and encodes its records again, numbers exact."""
    found = search(path, decode_exact(body.text))
    return None if found is None else encode_exact(found)


def _only_array(body: Body) -> str | None:
    """Find the only array of objects, at the top or one object below it; empty arrays count if no other does."""
    if opens(body.text, b"["):
        return None
    arrays = {path: found for path, found in _nearby(body) if opens(found, b"[")}
    full = [path for path, found in arrays.items() if _first_item(found) == b"{"]
    empty = [path for path, found in arrays.items() if _first_item(found) == b"]"]
    if len(full) > 1:
        fix = f'set "records" to one of: {", ".join(full)}.'
        raise RecordsPathError("has several arrays of objects", fix=fix)
    if not full and not empty:
        raise RecordsPathError("has no array of records", fix=_suggest(body))
    return (full or empty)[0]


def _first_item(array: Slice) -> bytes:
    """Return the bracket that opens an array's first element, or closes an empty array."""
    return bytes(memoryview(array)[1:64]).lstrip()[:1]


def _nearby(body: Body) -> list[tuple[str, Slice]]:
    found = list(body.members.items())
    for key, value in body.members.items():
        if opens(value, b"{"):
            found += [(f"{key}.{name}", item) for name, item in open_object(value).items()]
    return found


def _suggest(body: Body) -> str:
    if not body.members:
        return f"the body is {'an array' if opens(body.text, b'[') else 'an object without keys'}."
    keys = ", ".join(cut(key, _SHOWN_KEY_CHARACTERS) for key in list(body.members)[:_SHOWN_KEYS])
    arrays = [path for path, found in _nearby(body) if opens(found, b"[")]
    return f"the body has keys: {keys}." + (f' Try "{cut(arrays[0], _SHOWN_KEY_CHARACTERS)}".' if arrays else "")
