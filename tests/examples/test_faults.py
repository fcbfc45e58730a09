"""Each fault, as a client sees it: on the wire, and in the log of what was served."""

import http.client
import json
import socket
import zlib
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from examples.marketplace.faults import ALTERATIONS, BOMB_BYTES, KINDS, Fault
from examples.marketplace.wire import WRITERS

REVIEWS = "/v1/diaper_reviews"


def raw(api, path=f"{REVIEWS}?limit=5", timeout_seconds=10, headers=""):
    """Send one request on a connection of its own; return all bytes that came, and how it ended."""
    port = int(api.url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_seconds) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: demo-key\r\nConnection: close\r\n{headers}\r\n"
        connection.sendall(request.encode())
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return received, "reset"
            except TimeoutError:
                return received, "silence"
            if not piece:
                return received, "end"
            received += piece


def head_and_body(received):
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode(), body


def served_ids(api):
    return [one.id for one in api.served()]


def test_every_kind_has_a_test_here():
    source = Path(__file__).read_text()
    assert sorted(kind for kind in KINDS if f'"{kind}"' not in source) == []
    assert ALTERATIONS.keys().isdisjoint(WRITERS)


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match='no fault "gremlin"; there are: bad_json, '):
        Fault("gremlin")


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        pytest.param({}, [500, 200, 200, 200], id="the first request by default"),
        pytest.param({"at": 2}, [200, 500, 200, 200], id="at the second"),
        pytest.param({"at": 2, "times": 2}, [200, 500, 500, 200], id="two in a row"),
        pytest.param({"at": 3, "times": None}, [200, 200, 500, 500], id="for ever"),
        pytest.param({"path": "/v1/shops"}, [200, 200, 200, 200], id="another path"),
        pytest.param({"path": "/v1/*_reviews"}, [500, 200, 200, 200], id="a pattern"),
        pytest.param({"path": "/v1/"}, [500, 200, 200, 200], id="a prefix"),
    ],
)
def test_a_fault_hits_the_requests_it_names(api, client, fault, statuses):
    api.faults = [Fault("status", **fault)]
    assert [client.get(REVIEWS, limit=1).status for _ in range(4)] == statuses


def test_setting_faults_counts_from_zero_again(api, client):
    api.faults = [Fault("status", at=2)]
    client.get(REVIEWS)
    api.faults = [Fault("status", at=2)]
    assert api.faults == [Fault("status", at=2)]
    assert [client.get(REVIEWS).status for _ in range(2)] == [200, 500]


def test_the_first_of_several_faults_wins_and_all_count(api, client):
    api.faults = [Fault("status", status=503), Fault("status", status=429, times=3)]
    assert [client.get(REVIEWS).status for _ in range(4)] == [503, 429, 429, 200]


def test_health_and_control_are_never_hit(api, client):
    api.faults = [Fault("status", path="/", times=None)]
    assert client.get("/v1/health").status == 200
    assert client.get("/_control/requests").status == 200
    assert client.get("/v1/shops").status == 500


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param(429, {"Retry-After": "2"}, id="429 with seconds"),
        pytest.param(429, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, id="429 with a date"),
        pytest.param(429, {"Retry-After": "99999999999"}, id="429 with an absurd wait"),
        pytest.param(429, {}, id="429 without"),
        pytest.param(408, {}, id="408"),
        pytest.param(401, {}, id="401"),
        pytest.param(403, {}, id="403"),
        pytest.param(404, {}, id="404"),
        pytest.param(503, {"Retry-After": "1"}, id="503"),
        pytest.param(599, {}, id="a status without a name"),
    ],
)
def test_status_answers_with_any_status_and_headers(api, client, status, headers):
    api.faults = [Fault("status", status=status, headers=headers)]
    answer = client.get(REVIEWS)
    assert answer.status == status
    assert answer.headers.get("Retry-After") == headers.get("Retry-After")
    assert answer.json["error"]["code"] == "fault"
    assert api.served() == []
    assert api.requests()[0]["status"] == status


def test_status_can_have_a_body_of_its_own(api, client):
    api.faults = [Fault("status", body="größe")]
    assert client.get(REVIEWS).body.decode() == "größe"


def test_reset_before_breaks_the_connection_without_a_byte(api):
    api.faults = [Fault("reset_before")]
    assert raw(api) == (b"", "reset")
    assert api.served() == []
    assert api.requests()[0]["status"] == 0


def test_reset_mid_breaks_the_connection_within_the_body(api):
    api.faults = [Fault("reset_mid")]
    received, ending = raw(api)
    head, body = head_and_body(received)
    assert ending == "reset"
    assert head.startswith("HTTP/1.1 200 OK")
    assert 0 < len(body) < int(head.partition("Content-Length: ")[2].split()[0])
    assert api.served() == []


def test_reset_after_breaks_the_connection_after_a_complete_body(api):
    api.faults = [Fault("reset_after")]
    received, ending = raw(api, f"{REVIEWS}?limit=1000")
    assert ending == "reset"
    results = json.loads(head_and_body(received)[1])["results"]
    assert served_ids(api) == [review["id"] for review in results]


def test_stall_is_silent_for_its_seconds_and_then_answers(api):
    api.faults = [Fault("stall", seconds=0.2)]
    start = monotonic()
    received, _ = raw(api)
    assert monotonic() - start >= 0.2
    assert len(json.loads(head_and_body(received)[1])["results"]) == 5
    assert len(api.served()) == 5


def test_a_stalled_client_runs_into_its_timeout(api):
    api.faults = [Fault("stall", seconds=60)]
    assert raw(api, timeout_seconds=0.1) == (b"", "silence")
    assert api.served() == []


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_closing_the_server_ends_a_stall_at_once(serve, kind):
    api, _ = serve()
    api.faults = [Fault(kind, seconds=600)]
    endings = []
    thread = Thread(target=lambda: endings.append(raw(api)[1]))
    thread.start()
    while not api.requests():
        pass
    api.close()
    thread.join(60)  # not the fault's 600
    assert endings[0] in {"end", "reset"}
    assert api.served() == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 1000])
def test_drip_sends_a_complete_answer_in_many_pieces(api, client, limit):
    whole = client.get(REVIEWS, limit=limit).body
    api.faults = [Fault("drip", seconds=0.1)]
    start = monotonic()
    received, _ = raw(api, f"{REVIEWS}?limit={limit}")
    assert monotonic() - start >= 0.09
    assert head_and_body(received)[1] == whole
    assert len(api.served()) == 2 * limit


def test_short_length_ends_before_the_announced_length(api):
    api.faults = [Fault("short_length")]
    received, ending = raw(api)
    head, body = head_and_body(received)
    assert ending == "end"
    assert int(head.partition("Content-Length: ")[2].split()[0]) > len(body)
    assert api.served() == []


def test_cut_chunked_ends_within_a_chunk(api, client):
    api.faults = [Fault("cut_chunked")]
    with pytest.raises(http.client.IncompleteRead):
        client.get(REVIEWS)
    assert api.served() == []


def test_cut_gzip_is_a_sound_body_of_half_a_stream(api, client):
    api.faults = [Fault("cut_gzip")]
    answer = client.get(REVIEWS, {"X-API-Key": "demo-key", "Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    unpacker = zlib.decompressobj(31)
    assert unpacker.decompress(answer.body).startswith(b'{"results":[{')
    assert not unpacker.eof
    assert api.served() == []


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        pytest.param("html", 200, b"<!DOCTYPE html>", id="html"),
        pytest.param("empty", 200, b"", id="empty"),
        pytest.param("no_content", 204, b"", id="no_content"),
        pytest.param("error_in_200", 200, b'{"error":{"code":', id="error_in_200"),
        pytest.param("no_records_path", 200, b'{"meta":{"next_cursor":', id="no_records_path"),
        pytest.param("bad_json", 200, b'{"results":[{"id":', id="bad_json"),
    ],
)
def test_a_body_without_records_serves_none(api, client, kind, status, start):
    api.faults = [Fault(kind)]
    answer = client.get(REVIEWS)
    assert answer.status == status
    assert answer.body.startswith(start)
    assert bool(answer.body) == bool(start)
    assert b"results" not in answer.body or kind == "bad_json"
    assert api.served() == []
    assert client.get(REVIEWS).json["meta"]["count"] == 200  # on the same connection


def test_no_content_has_neither_length_nor_type(api):
    api.faults = [Fault("no_content")]
    head = raw(api)[0].decode()
    assert head.startswith("HTTP/1.1 204 No Content\r\n")
    assert "Content-" not in head


def test_bad_json_is_not_json(api, client):
    api.faults = [Fault("bad_json")]
    with pytest.raises(json.JSONDecodeError):
        json.loads(client.get(REVIEWS).body)


def test_redirect_loop_points_to_itself(api, client):
    api.faults = [Fault("redirect_loop", times=None)]
    for _ in range(3):
        answer = client.get(REVIEWS, limit=3)
        assert (answer.status, answer.headers["Location"]) == (302, f"{api.url}{REVIEWS}?limit=3")


def test_repeat_cursor_hands_back_the_cursor_that_was_sent(api, client):
    api.faults = [Fault("repeat_cursor", times=None)]
    sent = client.get(REVIEWS).json["meta"]["next_cursor"]
    for _ in range(2):
        assert client.get(REVIEWS, cursor=sent).json["meta"]["next_cursor"] == sent


@pytest.mark.parametrize(("kind", "different"), [("same_page", 1), ("two_pages", 2)])
def test_pages_are_repeated_for_ever(api, client, kind, different):
    api.faults = [Fault(kind, times=None)]
    bodies, cursor = [], None
    for _ in range(6):
        query = {"cursor": cursor} if cursor else {}
        bodies.append(client.get(REVIEWS, **query).body)
        cursor = json.loads(bodies[-1])["meta"]["next_cursor"]
    assert len(set(bodies)) == different
    assert bodies[:different] * (6 // different) == bodies
    assert len(api.served()) == 6 * 200


def test_last_page_repeated_answers_pages_past_the_end_with_the_last_one(api, client):
    api.faults = [Fault("last_page_repeated", path="/v1/shops", times=None)]
    pages = [client.get("/v1/shops", page=page).json["data"] for page in range(1, 6)]
    assert pages[2] == pages[3] == pages[4] != []
    assert pages[1] != pages[2]


def test_empty_page_comes_with_a_new_cursor_for_the_same_place(api, client):
    first = client.get(REVIEWS).json
    cursor = first["meta"]["next_cursor"]
    expected = client.get(REVIEWS, cursor=cursor).json["results"]
    api.faults = [Fault("empty_page", times=2)]
    cursors = [cursor]
    for _ in range(2):
        page = client.get(REVIEWS, cursor=cursors[-1]).json
        assert page["results"] == []
        cursors.append(page["meta"]["next_cursor"])
    assert len(set(cursors)) == 3
    assert client.get(REVIEWS, cursor=cursors[-1]).json["results"] == expected


def test_self_link_names_the_page_itself_as_the_next(api, client):
    api.faults = [Fault("self_link", path="/v1/links", times=None)]
    answer = client.get("/v1/links/reviews", page=2)
    assert answer.headers["Link"] == f'<{api.url}/v1/links/reviews?page=2>; rel="next"'


@pytest.mark.parametrize("path", ["/v1/shops", "/v1/shops/1/products"])
def test_shrinking_total_falls_with_every_request(api, client, path):
    total = client.get(path).json["total"]
    api.faults = [Fault("shrinking_total", path=path, times=None)]
    assert [client.get(path).json["total"] for _ in range(3)] == [total - 1, total - 2, total - 3]


def test_gzip_bomb_is_200_kilobytes_that_become_200_megabytes(api, client):
    api.faults = [Fault("gzip_bomb")]
    answer = client.get(REVIEWS)
    assert len(answer.body) < 300_000
    unpacker = zlib.decompressobj(31)
    size, rest = 0, answer.body
    while rest and not unpacker.eof:
        size += len(unpacker.decompress(rest, 1 << 20))
        rest = unpacker.unconsumed_tail
    assert unpacker.eof
    assert size > BOMB_BYTES
    assert api.served() == []


def test_nan_is_in_one_record_and_in_the_log(api, client):
    api.faults = [Fault("nan")]
    body = client.get(REVIEWS).body
    assert body.count(b'"rating":NaN,') == 1
    results = json.loads(body)["results"]
    assert [review["rating"] for review in results if review["rating"] != review["rating"]] == pytest.approx(
        [float("nan")], nan_ok=True
    )
    assert served_ids(api) == [review["id"] for review in results]
    client.get(REVIEWS)
    spoilt, sound = api.served()[199], api.served()[399]
    assert spoilt.id == sound.id
    assert spoilt.sha256 != sound.sha256


def test_lone_surrogate_is_escaped_in_one_record_and_in_the_log(api, client):
    api.faults = [Fault("lone_surrogate")]
    body = client.get(REVIEWS).body
    assert body.count(b"\\ud800") == 1
    titles = [review["title"] for review in json.loads(body)["results"]]
    assert titles[-1].startswith("\ud800")
    assert len(api.served()) == 200


@pytest.mark.parametrize("kind", ["nan", "lone_surrogate", "repeat_cursor", "empty_page"])
def test_a_fault_in_the_records_leaves_an_answer_without_them_alone(api, client, kind):
    api.faults = [Fault(kind, path="/v1/shops")]
    assert client.get("/v1/shops/99/products").status == 404
    api.faults = [Fault(kind)]
    assert client.get(REVIEWS, {}, cursor="MTox").status == 401


def test_empty_page_keeps_the_way_on_where_there_is_no_cursor(api, client):
    api.faults = [Fault("empty_page", path="/v1/*")]
    answer = client.get("/v1/links/reviews")
    assert answer.json == []
    assert "Link" in answer.headers


@pytest.mark.parametrize("kind", sorted(KINDS - {"gzip_bomb"}))
@pytest.mark.parametrize("path", [REVIEWS, "/v1/links/reviews", "/v1/shops", "/v1/shops/1/products"])
def test_no_fault_upsets_the_server(api, client, capsys, kind, path):
    api.faults = [Fault(kind, path=path, seconds=0.01)]
    raw(api, f"{path}?limit=3")
    assert client.get(path).status == 200
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["reset_mid", "short_length", "cut_chunked", "cut_gzip", "bad_json", "html"])
def test_a_spoilt_last_page_does_not_end_the_day(serve, kind):
    api, client = serve(reviews=100, advance="walk")
    api.faults = [Fault(kind)]
    raw(api, REVIEWS)
    assert api.day == 0
    assert client.get(REVIEWS).json["meta"] == {"next_cursor": None, "count": 100}
    assert api.day == 1
