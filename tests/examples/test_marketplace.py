"""What a client of the example API may rely on."""

import base64
import gzip
import json
import socket
from decimal import Decimal
from email.utils import parsedate_to_datetime
from time import monotonic

import pytest

from examples.marketplace.server import Marketplace


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param({}, [1, 2, 3, 4, 5], id="the first page by default"),
        pytest.param({"page": 3}, [11, 12], id="the last page is short"),
        pytest.param({"page": 4}, [], id="a page past the end is empty"),
        pytest.param({"page": 2, "per_page": 7}, [8, 9, 10, 11, 12], id="per_page"),
    ],
)
def test_shops_come_by_page_number(client, query, ids):
    page = client.get("/v1/shops", **query).json
    assert [shop["id"] for shop in page["data"]] == ids
    assert page["total"] == 12
    assert page["page"] == query.get("page", 1)
    assert page["pages"] == -(-12 // query.get("per_page", 5))
    assert list(page) == ["data", "page", "pages", "total"]


def test_products_of_a_shop_come_by_offset_in_date_order(client):
    first = client.get("/v1/shops/3/products").json
    rest = client.get("/v1/shops/3/products", offset=25, limit=100).json
    past = client.get("/v1/shops/3/products", offset=500).json
    items = first["items"] + rest["items"]
    assert len(first["items"]) == 25
    assert len(items) == first["total"] == rest["total"] == past["total"]
    assert past["items"] == []
    assert {item["shop_id"] for item in items} == {3}
    keys = [(item["date"], item["id"]) for item in items]
    assert keys == sorted(set(keys))


def test_since_is_inclusive_and_days_are_shared(client):
    items = client.get("/v1/shops/3/products", limit=100).json["items"]
    days = [item["date"] for item in items]
    assert len(set(days)) < len(days)
    day = days[20]
    found = client.get("/v1/shops/3/products", limit=100, since=day).json
    assert found["items"] == [item for item in items if item["date"] >= day]
    assert found["total"] == len(found["items"])


def test_prices_are_written_with_two_decimals(api, client):
    products = api.records("products")
    assert all(product["price"].as_tuple().exponent == -2 for product in products)
    assert any(str(product["price"]).endswith("0") for product in products)
    body = client.get("/v1/shops/1/products", limit=1).body
    price = json.loads(body, parse_float=str)["items"][0]["price"]
    assert str(Decimal(price)) == price
    assert len(price.partition(".")[2]) == 2


def test_a_walk_serves_every_review_once_in_order(api, client):
    pages = client.walk()
    results = [review for page in pages for review in page["results"]]
    assert [page["meta"]["count"] for page in pages] == [200] * 5
    assert [review["id"] for review in results] == [record["id"] for record in api.records("diaper_reviews")]
    assert len({review["id"] for review in results}) == 1000


def test_updated_since_is_inclusive_also_with_a_cursor(api, client):
    records = api.records("diaper_reviews")
    since = records[700]["updated_at"]
    expected = [record["id"] for record in records if record["updated_at"] == since or records.index(record) >= 700]
    pages = client.walk(updated_since=since, limit=90)
    assert [review["id"] for page in pages for review in page["results"]] == expected


def test_an_updated_since_with_an_offset_is_the_same_instant(client):
    same = [
        client.get("/v1/diaper_reviews", updated_since=text).json["results"][0]["id"]
        for text in ("2022-01-01T00:00:00Z", "2022-01-01T02:00:00.000+02:00")
    ]
    assert same[0] == same[1]


def test_an_updated_since_after_everything_gives_one_empty_page(client):
    page = client.get("/v1/diaper_reviews", updated_since="2999-01-01T00:00:00Z").json
    assert page == {"results": [], "meta": {"next_cursor": None, "count": 0}}


def test_linked_reviews_are_bare_arrays_joined_by_link_headers(api, client):
    answer = client.get("/v1/links/reviews", per_page=300)
    found = answer.json
    while "Link" in answer.headers:
        url, _, rel = answer.headers["Link"].partition("; ")
        assert rel == 'rel="next"'
        assert url.startswith(f"<{api.url}/v1/links/reviews?")
        answer = client.get(url.strip("<>").removeprefix(api.url))
        found += answer.json
    assert [review["id"] for review in found] == [record["id"] for record in api.records("diaper_reviews")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/v1/shops/99/products", 404, id="unknown shop"),
        pytest.param("/v1/nothing", 404, id="unknown path"),
        pytest.param("/v1/shops?page=0", 400, id="page zero"),
        pytest.param("/v1/shops?page=two", 400, id="page in words"),
        pytest.param("/v1/shops?page=%D9%A1", 400, id="page in Arabic digits"),
        pytest.param("/v1/shops/1/products?offset=-1", 400, id="negative offset"),
        pytest.param("/v1/shops/1/products?since=yesterday", 400, id="since is no date"),
        pytest.param("/v1/diaper_reviews?cursor=%21", 400, id="made-up cursor"),
        pytest.param("/v1/diaper_reviews?cursor=bm9wZQ", 400, id="base64 that is no cursor"),
        pytest.param("/v1/diaper_reviews?updated_since=2022-01-01T00:00:00", 400, id="no offset"),
        pytest.param("/v1/diaper_reviews?limit=0", 400, id="limit zero"),
    ],
)
def test_a_wrong_request_gets_an_error_object(client, path, status):
    answer = client.get(path)
    assert answer.status == status
    assert set(answer.json["error"]) == {"code", "message"}


def test_a_limit_over_1000_gives_1000(serve):
    _, client = serve(reviews=1200)
    assert client.get("/v1/diaper_reviews", limit=5000).json["meta"]["count"] == 1000


def test_the_data_can_only_be_read(client):
    assert client.send("POST", "/v1/shops", body=b"{}").status == 405


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-API-Key": "demo-key"}, id="header"),
        pytest.param({"Authorization": "Bearer demo-key"}, id="bearer"),
        pytest.param({"Authorization": basic("demo", "demo-key")}, id="basic"),
    ],
)
def test_the_key_is_accepted_in_a_header(client, headers):
    assert client.get("/v1/shops", headers).status == 200


def test_the_key_is_accepted_in_the_query(client):
    assert client.get("/v1/shops", {}, api_key="demo-key").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"X-API-Key": "wrong"}, id="wrong key"),
        pytest.param({"X-API-Key": "schlüssel".encode()}, id="not ASCII"),
        pytest.param({"Authorization": "Bearer wrong"}, id="wrong bearer"),
        pytest.param({"Authorization": basic("someone", "demo-key")}, id="another user"),
        pytest.param({"Authorization": "Basic !!!"}, id="malformed basic"),
    ],
)
def test_without_the_key_there_is_401(client, headers):
    answer = client.get("/v1/shops", headers)
    assert answer.status == 401
    assert answer.json["error"]["code"] == "unauthorized"


def test_health_needs_no_key(client):
    answer = client.get("/v1/health", {})
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


def test_large_bodies_are_compressed_for_those_who_accept_it(client):
    headers = {"X-API-Key": "demo-key", "Accept-Encoding": "gzip, deflate"}
    plain = client.get("/v1/diaper_reviews")
    zipped = client.get("/v1/diaper_reviews", headers)
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert "Content-Encoding" not in client.get("/v1/health", headers).headers


def test_compression_can_be_switched_off(serve):
    _, client = serve(gzip=False)
    headers = {"X-API-Key": "demo-key", "Accept-Encoding": "gzip"}
    assert "Content-Encoding" not in client.get("/v1/diaper_reviews", headers).headers


def test_a_connection_is_kept_for_many_requests(client):
    client.get("/v1/shops")
    before = client.connection.sock.getsockname()
    client.get("/v1/diaper_reviews")
    assert client.connection.sock.getsockname() == before


def test_a_client_that_asks_for_it_gets_its_connection_closed(client):
    answer = client.get("/v1/health", {"Connection": "close"})
    assert answer.headers["Connection"] == "close"


def test_pages_do_not_wait_for_delayed_acknowledgements(client):
    client.get("/v1/diaper_reviews")
    taken = []
    for _ in range(20):
        start = monotonic()
        client.get("/v1/diaper_reviews")
        taken.append(monotonic() - start)
    assert min(taken) < 0.04  # a delayed ACK would cost each of them 40 ms


def test_a_walk_ends_the_day_only_when_its_last_page_was_asked_for(serve):
    api, client = serve(reviews=500, advance="walk")
    first = client.get("/v1/diaper_reviews", limit=300).json
    assert api.day == 0
    last = client.get("/v1/diaper_reviews", limit=300, cursor=first["meta"]["next_cursor"]).json
    assert last["meta"]["count"] == 200
    assert api.day == 1
    news = client.walk(updated_since=last["results"][-1]["updated_at"])
    assert sum(page["meta"]["count"] for page in news) >= 40


def test_only_advance_begins_a_day_in_manual_mode(api, client):
    client.walk()
    assert api.day == 0
    assert api.advance() == 1
    assert api.day == 1


def test_reviews_that_change_during_a_walk_are_not_lost(api, client):
    seen = {}
    page = client.get("/v1/diaper_reviews", limit=50).json
    while page["meta"]["next_cursor"] is not None:
        seen |= {review["id"]: review for review in page["results"]}
        if len(seen) < 500:
            api.advance()
        page = client.get("/v1/diaper_reviews", limit=50, cursor=page["meta"]["next_cursor"]).json
    seen |= {review["id"]: review for review in page["results"]}
    assert {review_id: review["updated_at"] for review_id, review in seen.items()} == {
        record["id"]: record["updated_at"] for record in api.records("diaper_reviews")
    }


def test_requests_for_data_are_recorded_and_those_for_control_are_not(api, client):
    client.get("/v1/shops", page=2)
    client.get("/v1/shops/99/products")
    client.get("/_control/served")
    assert api.requests() == [
        {"method": "GET", "path": "/v1/shops", "query": {"page": "2"}, "status": 200},
        {"method": "GET", "path": "/v1/shops/99/products", "query": {}, "status": 404},
    ]


def test_control_does_the_same_from_another_process(api, client):
    client.get("/v1/shops", page=3)
    assert client.get("/_control/requests", {}).json == api.requests()
    served = [json.loads(line) for line in client.get("/_control/served", {}).body.splitlines()]
    assert served == [one._asdict() for one in api.served()]
    lines = client.get("/_control/records/products", {}).body.splitlines()
    assert [json.loads(line, parse_float=Decimal) for line in lines] == api.records("products")
    assert client.send("POST", "/_control/advance", {}).json == {"day": 1}
    faults = json.dumps([{"kind": "status", "path": "/v1/shops", "status": 503, "headers": {"Retry-After": "1"}}])
    assert client.send("POST", "/_control/faults", {}, body=faults).json == {"faults": 1}
    answer = client.get("/v1/shops")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("POST", "/_control/faults", b"{}", 400, id="faults that are no list"),
        pytest.param("POST", "/_control/faults", b"[1", 400, id="faults that are no JSON"),
        pytest.param("POST", "/_control/faults", b'[{"kind": "gremlin"}]', 400, id="unknown kind"),
        pytest.param("POST", "/_control/faults", b'[{"kind": "html", "when": 1}]', 400, id="unknown field"),
        pytest.param("POST", "/_control/faults", b"[7]", 400, id="a fault that is no object"),
        pytest.param("GET", "/_control/records/gremlins", None, 404, id="unknown stream"),
        pytest.param("GET", "/_control/advance", None, 404, id="advance by GET"),
    ],
)
def test_control_refuses_what_it_does_not_know(client, method, path, body, status):
    assert client.send(method, path, {}, body=body).status == status


def test_the_state_file_keeps_the_day_over_restarts(tmp_path, serve):
    state = tmp_path / "made" / "day.json"
    api, _ = serve(state=state)
    api.advance()
    api.advance()
    again, _ = serve(state=state)
    assert again.day == 2
    assert again.records("diaper_reviews") == api.records("diaper_reviews")
    assert [path.name for path in state.parent.iterdir()] == ["day.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"day": -1}', '{"day": "2"}', '{"day": true}', "null"])
def test_a_foreign_state_file_is_refused(tmp_path, text):
    state = tmp_path / "day.json"
    state.write_text(text)
    with pytest.raises(ValueError, match=r"day\.json is not a state file"):
        Marketplace(state=state)


def test_closing_breaks_idle_connections_and_frees_the_port():
    with Marketplace() as api:
        port = int(api.url.rpartition(":")[2])
        idle = socket.create_connection(("127.0.0.1", port), timeout=10)
        idle.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += idle.recv(1000)
    with idle:
        assert idle.recv(1) == b""
    with Marketplace(port=port) as again:
        assert again.url == api.url


def test_a_client_that_leaves_in_the_middle_leaves_no_trace(api, client, capsys):
    port = int(api.url.rpartition(":")[2])
    request = b"GET /v1/diaper_reviews?limit=1000 HTTP/1.1\r\nHost: x\r\nX-API-Key: demo-key\r\n\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as leaver:
            leaver.sendall(request * 20)
    assert client.get("/v1/health").status == 200
    api.close()
    assert capsys.readouterr().err == ""
