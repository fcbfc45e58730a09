"""`lake page`: what is in the site, what a damage leaves of it, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from html import unescape
from pathlib import Path

import pytest

from lake.cli import lake
from lake.errors import UsageError
from lake.page.names import page_path, to_href
from lake.page.serve import site_server
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace

REVIEWS = "datasets/landing.shop.reviews.html"


def make(lake_path, folder, *more: str) -> int:
    return lake.main(["page", str(folder), "--lake", str(lake_path), *more], standalone_mode=False) or 0


def text_of(path: Path) -> str:
    """Return what a person reads of a page, in one line."""
    body = re.sub(r"<script.*?</script>", " ", path.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(lake_path: Path, pattern: str) -> None:
    for path in lake_path.glob(pattern):
        path.write_bytes(b"damaged" + path.read_bytes()[7:20])


def test_the_first_page_shows_every_dataset_at_a_glance(site):
    page = text_of(site / "index.html")
    assert "Our lake 10 datasets from 1 source" in page
    assert "reviews Orders: What was ordered" in page
    assert "rows 249" in page
    assert "rejected, 0.8% of what came 2" in page
    assert 'datetime="2026-01-31T12:07:00+00:00"' in (site / "index.html").read_text("utf-8")


def test_a_dataset_s_page_shows_its_columns_rows_runs_and_rejects(site):
    page = text_of(site / REVIEWS)
    assert "rows 240 columns 6" in page
    assert "id key The order's number int64 0% 240" in page
    assert "brand string 25% 3 Brand" in page
    assert "price decimal128(38, 2) 0% 240" in page
    assert "author struct<city: string> 0%" in page
    assert '{"city":"Łódź"}' in page
    assert "2 /price expected number, found string schema" in page
    assert "shop (source)" in page
    assert "SELECT * FROM landing.reviews LIMIT 10" in page


def test_the_same_lake_gives_the_same_bytes(shown_lake, site, tmp_path):
    make(shown_lake.place.path, tmp_path / "again", "--title", "Our lake")
    assert files_of(tmp_path / "again") == files_of(site)


def test_without_samples_no_value_of_a_record_is_in_the_site(full_lake, tmp_path):
    secret = "ann@example.com"
    full_lake.commit(Part([{"id": 4711_4711, "name": secret}, {"id": 1, "name": secret}], stream="people"))
    make(full_lake.place.path, tmp_path / "with")
    make(full_lake.place.path, tmp_path / "without", "--samples", "0")
    shown = {name: b"".join(files_of(tmp_path / name).values()) for name in ("with", "without")}
    for value in (secret, "47114711", "Brand 1", "2026-01-03", "Łódź"):
        assert value.encode() in shown["with"]
        assert value.encode() not in shown["without"]


def test_a_site_says_nothing_of_the_machine_that_made_it(full_lake, tmp_path):
    damage(Path(full_lake.place.path), "landing/shop/reviews/**/*.parquet")
    assert make(full_lake.place.path, tmp_path / "site") == 6
    assert str(tmp_path).encode() not in b"".join(files_of(tmp_path / "site").values())


@pytest.mark.parametrize(
    ("pattern", "shown", "lost"),
    [
        ("landing/shop/reviews/**/00000006*.parquet", "a data file is damaged", "Brand 0"),
        ("_lake/schemas/shop/reviews/*.json", "a schema document is damaged", "struct<"),
        ("_lake/rejected/shop/reviews/*.gz", "a file of rejected records is damaged", "expected number"),
    ],
    ids=["data", "schema", "rejects"],
)
def test_a_damage_shows_in_its_place_and_the_rest_still_stands(full_lake, tmp_path, capsys, pattern, shown, lost):
    damage(Path(full_lake.place.path), pattern)
    assert make(full_lake.place.path, tmp_path / "site") == 6
    page = text_of(tmp_path / "site" / REVIEWS)
    assert f"Cannot be shown: {shown}" in page
    assert lost not in page
    assert "rows 240" in page
    assert "2026-01-31 12:06Z" in page
    index = text_of(tmp_path / "site" / "index.html")
    assert shown in index
    assert "with problems 1" in index
    assert "order 1" in text_of(tmp_path / "site" / page_path("landing.shop.a'b\"c&d"))
    assert f"Problem: reviews: {shown}" in capsys.readouterr().err


def test_a_source_whose_log_is_damaged_does_not_take_the_others_with_it(full_lake, tmp_path, capsys):
    LakeWriter(full_lake.place, "other").commit(Part(numbered(1, 2, 3), stream="visits"))
    damage(Path(full_lake.place.path), "_lake/log/shop/*4.json")
    assert make(full_lake.place.path, tmp_path / "site", "--json") == 6
    said = json.loads(capsys.readouterr().out)
    assert said["datasets"] == ["visits"]
    assert list(said["problems"]) == ["shop"]
    index = text_of(tmp_path / "site/index.html")
    assert "shop cannot be shown: " in index
    assert "visits Orders" in index


def test_what_was_built_shows_what_it_was_built_from(tmp_path, local_lake, monkeypatch):
    local_lake.commit(Part(numbered(1, 2), stream="orders"))
    (tmp_path / "config.json").write_text(json.dumps({"target": {"path": local_lake.place.path, "source": "shop"}}))
    (tmp_path / "zones/business").mkdir(parents=True)
    text = "-- description: How many\n\nSELECT count(*) AS n FROM clean.orders"
    (tmp_path / "zones/business/totals.sql").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert not lake.main(["build"], standalone_mode=False)
    assert lake.main(["page", "site"], standalone_mode=False) == 0
    page = text_of(tmp_path / "site/datasets/business.totals.html")
    assert "How many" in page
    assert "rejected" not in page
    for made, inputs in {"orders": "shop", "clean.orders": "orders", "business.totals": "clean.orders"}.items():
        assert f"{made} is made from {inputs}." in (tmp_path / "site/datasets/business.totals.html").read_text("utf-8")
    index = text_of(tmp_path / "site/index.html")
    assert index.index("Landing as received") < index.index("Clean without") < index.index("Business made")


def test_a_missing_file_is_a_problem_too(full_lake, tmp_path):
    for path in Path(full_lake.place.path).glob("landing/shop/reviews/**/00000003*.parquet"):
        path.unlink()
    assert make(full_lake.place.path, tmp_path / "site") == 6
    assert "Cannot be shown: a data file is damaged" in text_of(tmp_path / "site" / REVIEWS)


def test_a_lake_on_s3_is_shown_alike(lake_storage, tmp_path, monkeypatch):
    lake_storage.commit(Part(numbered(*range(30)), stream="orders"))
    s3 = {"s3": lake_storage.place.s3} if lake_storage.place.s3 else {}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"path": lake_storage.place.path, "source": "shop", **s3}))
    assert lake.main(["page", str(tmp_path / "site"), "-c", str(config), "--title", "x"], standalone_mode=False) == 0
    assert "rows 30" in text_of(tmp_path / "site" / "datasets/landing.shop.orders.html")


def test_two_sources_of_one_stream_have_a_page_each(local_lake, tmp_path):
    local_lake.commit(Part(numbered(1)))
    LakeWriter(local_lake.place, "other").commit(Part(numbered(1, 2)))
    make(local_lake.place.path, tmp_path / "site")
    assert "rows 1" in text_of(tmp_path / "site/datasets/landing.shop.orders.html")
    other = text_of(tmp_path / "site/datasets/landing.other.orders.html")
    assert "rows 2" in other
    assert 'SELECT * FROM landing."other.orders" LIMIT 10' in other


def test_a_dataset_that_was_dropped_is_no_longer_shown(full_lake, tmp_path):
    make(full_lake.place.path, tmp_path / "site")
    shutil.rmtree(full_lake.place.path)
    LakeWriter(LakePlace("local", full_lake.place.path)).commit(Part(numbered(1)))
    make(full_lake.place.path, tmp_path / "site")
    assert [path.name for path in (tmp_path / "site/datasets").iterdir()] == ["landing.shop.orders.html"]


def test_an_empty_lake_has_a_page(local_lake, tmp_path):
    local_lake.commit()
    assert make(local_lake.place.path, tmp_path / "site") == 0
    assert "Nothing has landed yet" in text_of(tmp_path / "site/index.html")


def test_json_says_what_was_written(full_lake, tmp_path, capsys):
    make(full_lake.place.path, tmp_path / "site", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(tmp_path / "site")
    assert "reviews" in said["datasets"]
    assert said["problems"] == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no folder is named"),
        (["site", "--port", "80"], "--port is for --serve"),
        (["--serve", "--json"], "--json does not go with --serve"),
    ],
)
def test_what_would_be_ignored_is_refused(arguments, said, shown_lake):
    with pytest.raises(UsageError, match=said):
        lake.main(["page", *arguments, "--lake", shown_lake.place.path], standalone_mode=False)


@pytest.mark.parametrize("name", ["x" * 300, "👶" * 100, "a/../b", ".", "~"])
def test_each_name_has_a_file_of_its_own_within_the_site(name, tmp_path):
    path = page_path(name)
    assert Path(path).parts[0] == "datasets"
    assert len(Path(path).name.encode()) <= 255
    (tmp_path / "datasets").mkdir()
    (tmp_path / path).touch()
    assert page_path(f"{name}2") != path
    assert "%25" in to_href(path) or "%" not in path


@pytest.fixture
def server(site):
    with site_server(site, 0) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def ask(url: str, host: str | None = None) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def test_served_pages_say_what_they_may_do(server):
    status, headers = ask(f"{server}/{REVIEWS}")
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/", None, 200),
        ("/", "localhost:1", 200),
        ("/", "evil.example", 421),
        ("/datasets/", None, 404),
        ("/../../../../etc/passwd", None, 404),
        ("/%2e%2e/%2e%2e/etc/passwd", None, 404),
    ],
)
def test_the_server_gives_its_files_to_this_machine_and_nothing_else(server, path, host, status):
    assert ask(f"{server}{path}", host)[0] == status


def test_a_port_that_is_taken_is_the_user_s_to_change(site, server):
    with pytest.raises(UsageError, match="cannot be used"):
        site_server(site, int(server.rpartition(":")[2]))
