"""Turns one unit of a stream into its batches of records, the next page fetched while one is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_rest_api.chain import Chain
from tap_rest_api.unit import open_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_rest_api.bookmark import Reading
    from tap_rest_api.chain import Batch
    from tap_rest_api.config import Stream
    from tap_rest_api.unit import Context, Source


def read(source: Source, stream: Stream, context: Context, reading: Reading) -> Iterator[Batch]:
    """Read one unit: a stream, or what it has for one context.

    Raises:
        TapError: The unit cannot be read to its end; nothing that was not proven may be bookmarked.
        SpentError: The run may ask no more.
    """
    chain = Chain(open_unit(source, stream, context), reading)
    while (batch := chain.take()) is not None:
        yield batch
