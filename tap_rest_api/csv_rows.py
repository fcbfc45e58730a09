"""Turns CSV with a header into records whose values are texts, a piece of the body at a time."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import msgspec

from tap_rest_api.charset import open_text
from tap_rest_api.errors import BodyError, RefusedError
from tap_rest_api.media import delimiter_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

PIECE_BYTES = 4 * 1024 * 1024
_MAX_FIELD_CHARACTERS = 16 * 1024 * 1024
_OTHER_DELIMITERS = ";\t|"

csv.field_size_limit(_MAX_FIELD_CHARACTERS)


def read_rows(file: BinaryIO, content_type: str) -> Iterator[Sequence[bytes]]:
    """Yield a body's records, some megabytes at a time (RFC 4180). Empty lines are none.

    Raises:
        BodyError: The body is empty, a row has more or fewer fields than the header, a quote stays open, or it is
            not in the charset that it names.
        RefusedError: The header cannot name the fields.
    """
    with open_text(file, content_type) as text:
        reader = csv.reader(text, delimiter=delimiter_of(content_type), strict=True)
        try:
            header = next(reader, None)
            if header is None:
                raise BodyError("the answer is empty, without even a header")
            _check_header(header)
            yield from _pieces(_records(reader, header))
        except csv.Error as error:
            raise BodyError(f"line {reader.line_num} of the answer is not CSV: {error}") from None
        except UnicodeError as error:
            raise BodyError(f"the answer is not {text.encoding}: {error}") from None


def _check_header(header: Sequence[str]) -> None:
    for name in header:
        if header.count(name) > 1:
            raise RefusedError(f'the CSV header names "{name}" twice')
    if len(header) == 1 and any(mark in header[0] for mark in _OTHER_DELIMITERS):
        raise RefusedError("the CSV is not separated by commas")


def _records(reader: Iterator[list[str]], header: Sequence[str]) -> Iterator[bytes]:
    for row in reader:
        if len(row) == len(header):
            yield msgspec.json.encode(dict(zip(header, row, strict=True)))
        elif row:
            line = reader.line_num  # type: ignore[attr-defined]  # of csv's own reader
            raise BodyError(f"line {line} of the CSV has {len(row)} fields, and the header {len(header)}")


def _pieces(records: Iterator[bytes]) -> Iterator[Sequence[bytes]]:
    piece: list[bytes] = []
    size = 0
    for record in records:
        piece.append(record)
        size += len(record)
        if size > PIECE_BYTES:
            yield piece
            piece, size = [], 0
    yield piece
