"""Turns a seed into the marketplace's shops and products, as JSON texts. All of it is synthetic.

Only `random.Random(text).random()` is drawn from: its sequence is the same on every machine and Python.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TypeVar

SEED = 20260131
SHOP_COUNT = 12
FIRST_PRICE_DAY = date(2022, 11, 1)
PRICE_DAYS = 30

T = TypeVar("T")

BRANDS = ("Wolkenkind", "Petit Nuage", "Softli", "Kuschelbär", "Nubecita", "Lilletroll", "Pandou", "Bambolino")
MODELS = ("größe", "Night", "très doux", "Eco", "Pants", "Newborn", "Sensible", "Öko-Premium")
PLACES = (
    ("Berlin", "DE", "EUR"),
    ("Lyon", "FR", "EUR"),
    ("Utrecht", "NL", "EUR"),
    ("Malmö", "SE", "SEK"),
    ("Zürich", "CH", "CHF"),
    ("Leeds", "GB", "GBP"),
    ("Łódź", "PL", "PLN"),
    ("Málaga", "ES", "EUR"),
    ("Århus", "DK", "DKK"),
    ("Graz", "AT", "EUR"),
    ("Torino", "IT", "EUR"),
    ("Liège", "BE", "EUR"),
)
SHOP_WORDS = ("Baby", "Windel", "Petit", "Little", "Mini", "Nido")


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop; `text` is its record as JSON."""

    id: int
    name: str
    countrycode: str
    currency: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Product:
    """A product in one shop; `text` is its record as JSON, `cents` its price."""

    id: int
    shop_id: int
    brand: str
    model: str
    cents: int
    currency: str
    date: str
    text: bytes


def generator(*names: object) -> random.Random:
    """Return the random numbers that belong to `names`, the seed first."""
    return random.Random("/".join(map(str, names)))


def draw(numbers: random.Random, below: int) -> int:
    """Return a whole number in [0, below)."""
    return int(numbers.random() * below)


def pick(numbers: random.Random, choices: tuple[T, ...]) -> T:
    """Return one of `choices`."""
    return choices[draw(numbers, len(choices))]


def json_string(text: str) -> str:
    """Return `text` as a JSON string that keeps its non-ASCII characters."""
    return json.dumps(text, ensure_ascii=False)


def money(cents: int) -> str:
    """Return a number literal with exactly two decimals: 1990 is 19.90."""
    return f"{cents // 100}.{cents % 100:02d}"


@cache
def shops(seed: int = SEED) -> tuple[Shop, ...]:
    """Return the shops in the order of their ids, 1 to 12."""
    numbers = generator(seed, "shops")
    return tuple(_shop(numbers, shop_id) for shop_id in range(1, SHOP_COUNT + 1))


def _shop(numbers: random.Random, shop_id: int) -> Shop:
    city, countrycode, currency = PLACES[shop_id - 1]
    name = f"{pick(numbers, SHOP_WORDS)} {city}"
    opened_on = date(2009, 1, 1) + timedelta(days=draw(numbers, 4000))
    text = (
        f'{{"id":{shop_id},"name":{json_string(name)},"city":{json_string(city)},"countrycode":"{countrycode}",'
        f'"opened_on":"{opened_on}","url":"https://shop-{shop_id}.marketplace.example/"}}'
    )
    return Shop(shop_id, name, countrycode, currency, text.encode())


@cache
def products(seed: int = SEED) -> tuple[Product, ...]:
    """Return the products of all shops in the order of their ids, about 40 a shop."""
    numbers = generator(seed, "products")
    found: list[Product] = []
    for shop in shops(seed):
        for _ in range(36 + draw(numbers, 9)):
            found.append(_product(numbers, len(found) + 1, shop))
    return tuple(found)


def _product(numbers: random.Random, product_id: int, shop: Shop) -> Product:
    brand = pick(numbers, BRANDS)
    model = f"{pick(numbers, MODELS)} {1 + draw(numbers, 7)}"
    cents = 499 + draw(numbers, 4500)
    quantity = 1 + draw(numbers, 120)
    day = str(FIRST_PRICE_DAY + timedelta(days=draw(numbers, PRICE_DAYS)))
    text = (
        f'{{"id":{product_id},"shop_id":{shop.id},"brand":{json_string(brand)},"model":{json_string(model)},'
        f'"price":{money(cents)},"currency":"{shop.currency}","quantity":{quantity},"date":"{day}",'
        f'"countrycode":"{shop.countrycode}","store_name":{json_string(shop.name)}}}'
    )
    return Product(product_id, shop.id, brand, model, cents, shop.currency, day, text.encode())


@cache
def products_of(shop_id: int, seed: int = SEED) -> tuple[Product, ...]:
    """Return one shop's products, ascending by (date, id)."""
    return tuple(
        sorted(
            (product for product in products(seed) if product.shop_id == shop_id),
            key=lambda product: (product.date, product.id),
        )
    )
