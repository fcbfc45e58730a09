"""Turns a seed and a block's number into diaper reviews, as JSON texts in (updated_at, id) order.

Blocks follow one another in time and in ids, so a review is found without making the ones before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING

from examples.marketplace import exact
from examples.marketplace.data import Product, draw, json_string, money, pick, products

if TYPE_CHECKING:
    import random

BLOCK_REVIEWS = 96  # not a divisor of any round page size, so that ties span page edges
BLOCK_TICKS = 64  # moments within a block; fewer than its reviews, so that many are tied
NEW_A_DAY = 25
CHANGED_A_DAY = 15
CHANGED_SHARE = 0.4  # of the reviews of day zero: changed some time after they were created
PRICELESS_SHARE = 0.2  # of all reviews: price_paid is null
MONTH_SECONDS = 30 * 86_400

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all instants are UTC, and naive ones print without an offset
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
FIRST_INSTANT_US = (datetime(2021, 1, 1) - EPOCH) // MICROSECOND  # noqa: DTZ001 - see EPOCH
DAY_ZERO_US = (datetime(2023, 1, 1) - EPOCH) // MICROSECOND  # noqa: DTZ001 - see EPOCH

Key = tuple[int, int]
"""Where a review stands in the walk: (updated_at in microseconds since 1970, id)."""

TITLES = (
    "Hält die ganze Nacht",
    "Très bien, mais cher",
    "Leaks after two hours",
    "Perfect fit 👍",
    "Größe fällt klein aus",
    "Good value",
    "Never again",
    "Doux comme un nuage ☁️",
)
SENTENCES = (
    "Bought the big box and we are half way through it.",
    "Die Größe passt, der Klettverschluss hält.",
    "Très absorbant, même après une longue nuit.",
    'Our "escape artist" needs a tighter waistband.',
    "No rash so far, even in the summer heat.",
    "The smell was odd on the first day, then gone.",
    "Delivery took a week; the carton was torn.",
    "Would buy again at this price 🍼.",
)
AUTHORS = ("Ana", "Björn", "Chloé", "Dörte", "Emil", "Fátima", "Giulia", "Håkon", "Iga", "Jérôme")
COUNTRYCODES = ("DE", "FR", "NL", "SE", "CH", "GB", "PL", "ES", "DK", "AT", "IT", "BE")
TAGS = ("night", "eco", "newborn", "leak", "soft", "travel", "twins", "größe")


# The same as JSON, in all combinations: a million reviews are put together from these.
TITLE_TEXTS = tuple(map(json_string, TITLES))
BODY_TEXTS = tuple(json_string(f"{one} {two}") for one, two in permutations(SENTENCES, 2))
AUTHOR_TEXTS = tuple(
    f'{{"name":{json_string(name)},"countrycode":"{code}","verified":{verified}}}'
    for name, code, verified in product(AUTHORS, COUNTRYCODES, ("true", "false"))
)
TAGS_TEXTS = tuple(f"[{','.join(map(json_string, tags))}]" for count in range(4) for tags in combinations(TAGS, count))


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time that a block covers: `us` microseconds from `start_us`."""

    start_us: int
    us: int


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring reviews: `keys` ascend, and `texts` are their records as JSON."""

    keys: tuple[Key, ...]
    texts: tuple[bytes, ...]

    def without(self, review_ids: set[int]) -> Block:
        """Return the block as it is once `review_ids` have moved to a later one."""
        left = [(key, text) for key, text in zip(self.keys, self.texts, strict=True) if key[1] not in review_ids]
        return block_of(left)

    def text_of(self, review_id: int) -> bytes:
        """Return the record of one review that is in this block."""
        at = next(at for at, key in enumerate(self.keys) if key[1] == review_id)
        return self.texts[at]


def block_of(entries: list[tuple[Key, bytes]]) -> Block:
    """Return the block that holds `entries`, whatever their order."""
    ordered = sorted(entries)
    return Block(tuple(key for key, _ in ordered), tuple(text for _, text in ordered))


def rfc3339(instant_us: int) -> str:
    """Return UTC with a Z; microseconds only where there are any."""
    return f"{(EPOCH + timedelta(microseconds=instant_us)).isoformat()}Z"


def new_entries(numbers: random.Random, seed: int, ids: range, span: Span) -> list[tuple[Key, bytes]]:
    """Return the reviews `ids` as drawn from `numbers`, their updated_at spread over `span`."""
    assortment = products(seed)
    entries = []
    for review_id in ids:
        updated_us = draw_instant(numbers, span)
        entries.append(((updated_us, review_id), _review(numbers, review_id, updated_us, pick(numbers, assortment))))
    return entries


def draw_instant(numbers: random.Random, span: Span) -> int:
    """Return one of the block's moments: whole seconds, except that one in three has microseconds."""
    tick = draw(numbers, BLOCK_TICKS)
    step_us = span.us // BLOCK_TICKS // SECOND_US * SECOND_US
    fraction_us = tick * 7919 if tick % 3 == 1 else 0
    return span.start_us + tick * step_us + fraction_us


def _review(numbers: random.Random, review_id: int, updated_us: int, bought: Product) -> bytes:
    age_us = draw(numbers, MONTH_SECONDS) * SECOND_US if numbers.random() < CHANGED_SHARE else 0
    paid = "null" if numbers.random() < PRICELESS_SHARE else money(bought.cents - draw(numbers, 400))
    # Brands, models and currencies hold nothing that JSON escapes.
    return (
        f'{{"id":{review_id},"product_id":{bought.id},"brand":"{bought.brand}","model":"{bought.model}",'
        f'"rating":{1 + draw(numbers, 5)},"title":{pick(numbers, TITLE_TEXTS)},"body":{pick(numbers, BODY_TEXTS)},'
        f'"author":{pick(numbers, AUTHOR_TEXTS)},"tags":{pick(numbers, TAGS_TEXTS)},"price_paid":{paid},'
        f'"currency":"{bought.currency}",'
        f'"created_at":"{rfc3339(updated_us - age_us)}","updated_at":"{rfc3339(updated_us)}"}}'
    ).encode()


def changed(text: bytes, numbers: random.Random, updated_us: int) -> bytes:
    """Return the review after its author came back: another rating and body, a later updated_at."""
    record = exact.loads(text)
    record["rating"] = 1 + (record["rating"] + draw(numbers, 4)) % 5
    record["body"] = f"Update: {pick(numbers, SENTENCES)} {pick(numbers, SENTENCES)}"
    record["updated_at"] = rfc3339(updated_us)
    return exact.dumps(record).encode()
