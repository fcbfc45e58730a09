"""The oracle: what was served, record by record, with hashes that anybody can compute."""

import hashlib
import json
from decimal import Decimal

import pytest

from examples.marketplace.exact import canonical, dumps, loads
from examples.marketplace.served import sha256_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{"b": 1, "a": {"d": [], "c": {}}}', '{"a":{"c":{},"d":[]},"b":1}', id="keys sorted at all depths"
        ),
        pytest.param('{"price": 19.90}', '{"price":19.90}', id="number literals kept"),
        pytest.param("[12345678901234567890123]", "[12345678901234567890123]", id="long integers"),
        pytest.param('"größe \\u00e9 🍼"', '"gr\\u00f6\\u00dfe \\u00e9 \\ud83c\\udf7c"', id="ASCII"),
        pytest.param('["\\ud800", NaN, null, true]', '["\\ud800",NaN,null,true]', id="surrogate and NaN"),
    ],
)
def test_canonical_json_is_one_text_for_equal_records(text, expected):
    assert canonical(text).decode() == expected


def test_exact_numbers_survive_reading_and_writing():
    text = '{"b":19.90,"a":[0.10,-3,"ö"]}'
    assert dumps(loads(text)) == text
    assert loads(text)["b"] == Decimal("19.90")


def test_the_log_holds_every_record_served_in_order(api, client):
    shops = client.get("/v1/shops", per_page=2).json["data"]
    reviews = client.get("/v1/diaper_reviews", limit=3).json["results"]
    linked = client.get("/v1/links/reviews", per_page=1).json
    products = client.get("/v1/shops/4/products", limit=2).json["items"]
    assert [(one.stream, one.id) for one in api.served()] == [
        *(("shops", shop["id"]) for shop in shops),
        *(("diaper_reviews", review["id"]) for review in reviews + linked),
        *(("products", product["id"]) for product in products),
    ]


def test_the_hash_is_that_of_the_canonical_text(api, client):
    body = client.get("/v1/shops/4/products", limit=1).body.decode()
    record = json.loads(body, parse_float=str)["items"][0]
    price = record["price"]
    text = json.dumps(record, sort_keys=True, separators=(",", ":")).replace(f'"price":"{price}"', f'"price":{price}')
    assert api.served()[0].sha256 == hashlib.sha256(text.encode()).hexdigest() == sha256_of(text)


def test_a_full_walk_serves_exactly_the_records_that_exist(api, client):
    client.walk()
    lines = client.get("/_control/records/diaper_reviews").body.splitlines()
    assert [one.sha256 for one in api.served()] == [sha256_of(line) for line in lines]


def test_the_log_file_has_a_line_as_soon_as_the_client_has_the_record(tmp_path, serve):
    path = tmp_path / "served.jsonl"
    api, client = serve(served_log=path)
    for page in (1, 2, 3):
        client.get("/v1/shops", page=page)
        assert [json.loads(line) for line in path.read_text().splitlines()] == [one._asdict() for one in api.served()]
    assert len(api.served()) == 12


def test_records_hold_decimals_where_the_source_has_fractions(api):
    assert {type(product["price"]) for product in api.records("products")} == {Decimal}
    assert {type(review["price_paid"]) for review in api.records("diaper_reviews")} == {Decimal, type(None)}
    with pytest.raises(KeyError):
        api.records("gremlins")
