"""Turns a seed and a day number into the records that exist that day, and lets the next day begin.

Every day 25 reviews are new and 15 have changed; both move behind all others in (updated_at, id) order.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from threading import RLock
from typing import TYPE_CHECKING

from examples.marketplace.broken import BROKEN, break_review
from examples.marketplace.data import SEED, draw, generator, products, products_of, shops
from examples.marketplace.reviews import (
    BLOCK_REVIEWS,
    CHANGED_A_DAY,
    DAY_US,
    DAY_ZERO_US,
    FIRST_INSTANT_US,
    NEW_A_DAY,
    SECOND_US,
    Block,
    Key,
    Span,
    block_of,
    changed,
    draw_instant,
    new_entries,
)

if TYPE_CHECKING:
    import random

MAX_REVIEWS = 1_000_000


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of reviews; `next_key` is the key of its last one, None when none follow."""

    texts: tuple[bytes, ...]
    next_key: Key | None


class World:
    """The marketplace as of `day`: a pure function of seed, number of reviews, clean and day.

    Reviews of day zero are made a block at a time when first asked for, so that a million cost nothing at
    start. Safe to use from several threads.
    """

    def __init__(self, *, seed: int = SEED, reviews: int = 3000, clean: bool = False, day: int = 0) -> None:
        if not 0 <= reviews <= MAX_REVIEWS:
            raise ValueError(f"reviews must be 0 to {MAX_REVIEWS}, not {reviews}")
        self.day = 0
        self._seed = seed
        self._clean = clean
        self._base_reviews = reviews
        self._base_blocks = -(-reviews // BLOCK_REVIEWS)
        whole_us = DAY_ZERO_US - FIRST_INSTANT_US
        self._base_span_us = whole_us // max(1, self._base_blocks) // SECOND_US * SECOND_US
        self._blocks: dict[int, Block] = {}  # those made so far, as of today
        self._sizes = [min(BLOCK_REVIEWS, reviews - at * BLOCK_REVIEWS) for at in range(self._base_blocks)]
        self._starts = list(accumulate(self._sizes, initial=0))
        self._moved: dict[int, int] = {}  # the block of each review that has changed
        self._gone: dict[int, set[int]] = {}  # the reviews that have left each block
        self._lock = RLock()
        for _ in range(day):
            self.advance()

    def advance(self) -> int:
        """Begin the next day and return its number."""
        with self._lock:
            day = self.day + 1
            numbers = generator(self._seed, "day", day)
            span = Span(DAY_ZERO_US + self.day * DAY_US, DAY_US)
            first = self._base_reviews + NEW_A_DAY * self.day + 1
            entries = self._move_changed(numbers, span, below=first)
            entries += self._new_entries(numbers, range(first, first + NEW_A_DAY), span)
            self._blocks[len(self._sizes)] = block_of(entries)
            self._sizes.append(len(entries))
            self._starts = list(accumulate(self._sizes, initial=0))
            self.day = day
            return day

    def shops(self) -> list[bytes]:
        """Return every shop, ascending by id."""
        return [shop.text for shop in shops(self._seed)]

    def products(self, shop_id: int, since: str = "") -> list[bytes] | None:
        """Return a shop's products seen on `since` or later, ascending by (date, id); None: no such shop."""
        found = products_of(shop_id, self._seed)
        return [product.text for product in found if product.date >= since] if found else None

    def reviews_after(self, key: Key, limit: int) -> ReviewPage:
        """Return the `limit` reviews that follow `key`; (instant, 0) stands before all of that instant."""
        with self._lock:
            block = self._block_number(key[0])
            return self._page(block, bisect_right(self._block(block).keys, key), limit)

    def reviews_at(self, offset: int, limit: int) -> ReviewPage:
        """Return the `limit` reviews from the one at `offset`."""
        with self._lock:
            block = bisect_right(self._starts, offset) - 1
            return self._page(block, offset - self._starts[block], limit)

    def review_count(self) -> int:
        """Return how many reviews exist today."""
        return self._starts[-1]

    def records(self, stream: str) -> list[bytes]:
        """Return every record of a stream as of now; raises KeyError for an unknown stream."""
        if stream == "diaper_reviews":
            with self._lock:
                return list(self.reviews_at(0, self.review_count()).texts)
        if stream == "products":
            return [product.text for product in products(self._seed)]
        if stream == "shops":
            return self.shops()
        raise KeyError(stream)

    def _page(self, block: int, at: int, limit: int) -> ReviewPage:
        keys: list[Key] = []
        texts: list[bytes] = []
        while block < len(self._sizes) and len(texts) <= limit:
            found = self._block(block)
            keys += found.keys[at:]
            texts += found.texts[at:]
            block, at = block + 1, 0
        next_key = keys[limit - 1] if len(texts) > limit else None
        return ReviewPage(tuple(texts[:limit]), next_key)

    def _block_number(self, instant_us: int) -> int:
        """Return the number of the block that would hold a review updated at this instant."""
        if instant_us < DAY_ZERO_US:
            at = max(0, instant_us - FIRST_INSTANT_US) // self._base_span_us
            return min(at, max(0, self._base_blocks - 1))
        return self._base_blocks + (instant_us - DAY_ZERO_US) // DAY_US

    def _block(self, at: int) -> Block:
        """Return a block as it is today, making it when it is asked for the first time."""
        if at >= len(self._sizes):
            return NOTHING
        if at not in self._blocks:
            first = at * BLOCK_REVIEWS + 1
            ids = range(first, min(first + BLOCK_REVIEWS, self._base_reviews + 1))
            span = Span(FIRST_INSTANT_US + at * self._base_span_us, self._base_span_us)
            entries = self._new_entries(generator(self._seed, "block", at), ids, span)
            self._blocks[at] = block_of(entries).without(self._gone.get(at, set()))
        return self._blocks[at]

    def _new_entries(self, numbers: random.Random, ids: range, span: Span) -> list[tuple[Key, bytes]]:
        entries = new_entries(numbers, self._seed, ids, span)
        if self._clean or BROKEN.keys().isdisjoint(ids):
            return entries
        return [(key, break_review(key[1], text)) for key, text in entries]

    def _move_changed(self, numbers: random.Random, span: Span, below: int) -> list[tuple[Key, bytes]]:
        """Change 15 reviews with ids under `below`: take them from their blocks, return them for the new one."""
        entries = []
        for review_id in _draw_ids(numbers, below):
            updated_us = draw_instant(numbers, span)
            text = changed(self._take(review_id), numbers, updated_us)
            entries.append(((updated_us, review_id), text))
            self._moved[review_id] = len(self._sizes)
        return entries

    def _take(self, review_id: int) -> bytes:
        """Remove a review from the block where it stands and return its record."""
        at = self._moved.get(review_id, self._first_block(review_id))
        block = self._block(at)
        self._gone.setdefault(at, set()).add(review_id)
        self._blocks[at] = block.without({review_id})
        self._sizes[at] -= 1
        return block.text_of(review_id)

    def _first_block(self, review_id: int) -> int:
        """Return the number of the block that a review was created in."""
        if review_id <= self._base_reviews:
            return (review_id - 1) // BLOCK_REVIEWS
        return self._base_blocks + (review_id - self._base_reviews - 1) // NEW_A_DAY


def _draw_ids(numbers: random.Random, below: int) -> list[int]:
    """Return up to 15 different review ids in [1, below), none of them one that breaks the schema."""
    changeable = below - 1 - sum(review_id < below for review_id in BROKEN)
    drawn: dict[int, None] = {}
    while len(drawn) < min(CHANGED_A_DAY, changeable):
        review_id = 1 + draw(numbers, below - 1)
        if review_id not in BROKEN:
            drawn[review_id] = None
    return list(drawn)


NOTHING = Block((), ())
