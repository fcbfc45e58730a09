"""The synthetic data: the same everywhere, growing by rule, in an order that real APIs have."""

import hashlib
import json
from datetime import datetime

import jsonschema_rs
import pytest

from examples.marketplace.broken import BROKEN
from examples.marketplace.world import World

STRING = {"type": "string"}
PRICE = {"type": "number", "multipleOf": 0.01, "minimum": 0}
COUNTRYCODE = {"type": "string", "pattern": "^[A-Z]{2}$"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"}


def record(**properties):
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMAS = {
    "shops": record(
        id={"type": "integer"},
        name=STRING,
        city=STRING,
        countrycode=COUNTRYCODE,
        opened_on={"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        url={"type": "string", "pattern": "^https://"},
    ),
    "products": record(
        id={"type": "integer"},
        shop_id={"type": "integer", "minimum": 1, "maximum": 12},
        brand=STRING,
        model=STRING,
        price=PRICE,
        currency={"type": "string", "pattern": "^[A-Z]{3}$"},
        quantity={"type": "integer", "minimum": 1},
        date={"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        countrycode=COUNTRYCODE,
        store_name=STRING,
    ),
    "diaper_reviews": record(
        id={"type": "integer"},
        product_id={"type": "integer"},
        brand=STRING,
        model=STRING,
        rating={"type": "integer", "minimum": 1, "maximum": 5},
        title=STRING,
        body=STRING,
        author={
            "type": "object",
            "properties": {"name": STRING, "countrycode": COUNTRYCODE, "verified": {"type": "boolean"}},
            "required": ["name", "countrycode", "verified"],
            "additionalProperties": False,
        },
        tags={"type": "array", "items": STRING},
        price_paid={"anyOf": [PRICE, {"type": "null"}]},
        currency=STRING,
        created_at=INSTANT,
        updated_at=INSTANT,
    ),
}


def invalid_ids(world, stream):
    validator = jsonschema_rs.validator_for(SCHEMAS[stream])
    records = [json.loads(text) for text in world.records(stream)]
    return [one["id"] for one in records if not validator.is_valid(one)]


def keys(world):
    reviews = [json.loads(text) for text in world.records("diaper_reviews")]
    return [(datetime.fromisoformat(review["updated_at"]), review["id"]) for review in reviews]


def ids(world):
    return {review_id for _, review_id in keys(world)}


def test_the_data_are_the_same_on_every_machine_and_python():
    world = World(day=3)
    digests = {
        stream: hashlib.sha256(b"\n".join(world.records(stream))).hexdigest()[:16]
        for stream in ("shops", "products", "diaper_reviews")
    }
    assert digests == {
        "shops": "1e235cd3581bd566",
        "products": "2be99be2254ce446",
        "diaper_reviews": "28836d8ecd277986",
    }


@pytest.mark.parametrize("stream", list(SCHEMAS))
def test_in_clean_mode_every_record_meets_its_schema(stream):
    assert invalid_ids(World(clean=True, day=3), stream) == []


def test_seven_reviews_break_their_schema_and_nothing_else_does():
    world = World(day=3)
    assert sorted(invalid_ids(world, "diaper_reviews")) == sorted(BROKEN)
    assert invalid_ids(world, "shops") == []
    assert invalid_ids(world, "products") == []


def test_the_broken_reviews_are_spread_over_pages():
    order = [review_id for _, review_id in keys(World())]
    pages = {order.index(review_id) // 200 for review_id in BROKEN}
    assert len(pages) == len(BROKEN)


def test_clean_mode_mends_the_broken_reviews_and_changes_no_others():
    spoilt, clean = World(day=4).records("diaper_reviews"), World(day=4, clean=True).records("diaper_reviews")
    differing = {json.loads(one)["id"] for one, other in zip(spoilt, clean, strict=True) if one != other}
    assert differing == set(BROKEN)


@pytest.mark.parametrize("reviews", [0, 1, 95, 96, 97, 3000])
def test_there_are_as_many_reviews_as_asked_for(reviews):
    world = World(reviews=reviews)
    assert world.review_count() == len(world.records("diaper_reviews")) == reviews
    world.advance()
    assert world.review_count() == len(world.records("diaper_reviews")) == reviews + 25
    assert ids(world) == set(range(1, reviews + 26))


@pytest.mark.parametrize("reviews", [-1, 1_000_001])
def test_a_number_of_reviews_out_of_range_is_refused(reviews):
    with pytest.raises(ValueError, match="reviews must be"):
        World(reviews=reviews)


def test_reviews_ascend_by_instant_and_id_with_ties_over_page_edges():
    found = keys(World(day=2))
    assert found == sorted(found)
    tied_edges = [at for at in range(200, 3000, 200) if found[at - 1][0] == found[at][0]]
    assert tied_edges
    assert any(instant.microsecond for instant, _ in found)
    assert any(not instant.microsecond for instant, _ in found)


def test_a_day_adds_25_reviews_and_changes_15_all_later_than_everything_before():
    world = World()
    for _ in range(5):
        before = dict(zip(keys(world), world.records("diaper_reviews"), strict=True))
        world.advance()
        after = dict(zip(keys(world), world.records("diaper_reviews"), strict=True))
        news = after.keys() - before.keys()
        gone = before.keys() - after.keys()
        assert (len(news), len(gone)) == (40, 15)
        assert min(news)[0] > max(before)[0]
        old = {review_id: json.loads(before[instant, review_id]) for instant, review_id in gone}
        for instant, review_id in news:
            if review_id in old:
                new = json.loads(after[instant, review_id])
                assert new["rating"] != old[review_id]["rating"]
                assert new["body"] != old[review_id]["body"]
                assert new["created_at"] == old[review_id]["created_at"]


def test_a_day_is_the_same_whether_reached_or_begun_with():
    walked = World(reviews=700)
    walked.reviews_at(150, 60)  # makes some blocks before the days begin, others after
    for _ in range(30):
        walked.advance()
    assert walked.records("diaper_reviews") == World(reviews=700, day=30).records("diaper_reviews")


@pytest.mark.parametrize("limit", [1, 7, 96, 200, 5000])
@pytest.mark.parametrize("day", [0, 40])
def test_pages_of_any_size_join_to_the_whole(limit, day):
    world = World(reviews=300, day=day)
    texts, key = [], (0, 0)
    while key is not None:
        page = world.reviews_after(key, limit)
        texts += page.texts
        key = page.next_key
    assert texts == world.records("diaper_reviews")


def test_a_million_reviews_cost_nothing_until_they_are_asked_for():
    world = World(reviews=1_000_000)
    page = world.reviews_at(999_990, 1000)
    assert len(page.texts) == 10
    assert page.next_key is None
    assert len(world._blocks) == 1
    world.advance()
    assert world.review_count() == 1_000_025


def test_reviews_hold_text_beyond_ascii_and_are_about_400_bytes():
    texts = World().records("diaper_reviews")
    assert 350 < sum(map(len, texts)) / len(texts) < 450
    joined = b"".join(texts).decode()
    assert all(word in joined for word in ("größe", "très", "🍼", '\\"escape artist\\"'))


def test_reviews_speak_of_products_that_exist():
    world = World()
    products = {(one["id"], one["brand"], one["model"]) for one in map(json.loads, world.records("products"))}
    reviews = map(json.loads, world.records("diaper_reviews"))
    assert all((one["product_id"], one["brand"], one["model"]) in products for one in reviews)
