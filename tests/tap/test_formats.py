"""Formats other than JSON, charsets, and what happens to a body that is too large to hold."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_rest_api.errors import BodyError, RecordsPathError, RefusedError, TapError
from tap_rest_api.media import format_of
from tap_rest_api.pages import Page, page_parser
from tap_rest_api.spool import gather
from tap_rest_api.transport import Response
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2024, 1, 31, tzinfo=UTC)
JSONL, CSV, XML = "application/x-ndjson", "text/csv", "application/xml"


def page(body: bytes, content_type: str = "", records: str | None = None, form: str = "auto") -> Page:
    response = Response(200, {"content-type": content_type}, body, "http://x", NOW, NOW)
    return page_parser(records, None, form)(response)


def rows(*arguments: Any, **options: Any) -> list[Any]:
    return [json.loads(bytes(record)) for record in page(*arguments, **options).records]


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("", "json"),
        ("application/json; charset=utf-8", "json"),
        ("application/vnd.api+json", "json"),
        ("text/plain", "json"),
        ("Application/X-NDJSON", "jsonl"),
        ("application/json-seq", "jsonl"),
        ('text/csv; header="present"', "csv"),
        ("text/tab-separated-values", "csv"),
        ("text/xml;charset=utf-8", "xml"),
        ("application/atom+xml", "xml"),
    ],
)
def test_the_content_type_says_what_a_body_is(content_type: str, form: str) -> None:
    assert format_of("auto", content_type) == form
    assert format_of("csv", content_type) == "csv"


# -- charsets --

TEXT = '[{"id": 1, "t": "Grüße, 日本"}]'
SWISS = '[{"id": 1, "t": "Grüße"}]'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode("utf-8-sig"), "application/json; charset=latin-1"),
        (TEXT.encode("utf-16"), ""),
        (TEXT.encode("utf-32"), ""),
        (TEXT.encode("utf-16-le"), ""),
        (TEXT.encode("utf-16-be"), "application/json"),
        (TEXT.encode("utf-32-be"), ""),
        (TEXT.encode("shift-jis", "ignore"), "application/json; charset=Shift_JIS"),
        (SWISS.encode("latin-1"), 'application/json; charset="ISO-8859-1"'),
        (SWISS.encode("cp1252"), "application/json;charset=windows-1252"),
    ],
)
def test_a_body_is_read_in_the_charset_it_names(body: bytes, content_type: str) -> None:
    assert rows(body, content_type)[0]["t"] in ("Grüße, 日本", "Grüße", "Gre, 日本")


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("kind", [JSONL, CSV, XML])
def test_every_format_knows_charsets(kind: str, charset: str) -> None:
    bodies = {JSONL: '{"t": "Grüße"}\n', CSV: "t\r\nGrüße\r\n", XML: "<r><i><t>Grüße</t></i></r>"}
    body = bodies[kind].encode(charset)
    assert rows(body, f"{kind}; charset=latin-1", "r.i" if kind == XML else None) == [{"t": "Grüße"}]


def test_a_body_that_is_not_in_its_charset_is_an_error() -> None:
    for kind in ("application/json", JSONL, CSV):
        with pytest.raises(BodyError, match="not"):
            page(b'"\xff\xfe\xfd', f"{kind}; charset=ascii")
    with pytest.raises(RefusedError, match='charset "klingon" is unknown'):
        page(b"[]", "application/json; charset=klingon")


# -- JSON Lines --


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": 1.50}\n{"id": 2}\n',
        b'{"id": 1.50}\r\n\r\n{"id": 2}',
        b'\xef\xbb\xbf\n {"id": 1.50}\n{"id": 2}\n\n',
        b'\x1e{"id": 1.50}\n\x1e{"id": 2}\n',
    ],
)
def test_each_line_is_a_record_with_its_own_text(body: bytes) -> None:
    assert [bytes(record) for record in page(body, JSONL).records] == [b'{"id": 1.50}', b'{"id": 2}']


def test_a_line_that_is_not_quite_json_spoils_no_other() -> None:
    bad = [b'{"t": "\\ud800"}', b'{"v": NaN}', b'{"n": ' + b"9" * 100_000 + b"}"]
    assert list(page(b"\n".join(bad), JSONL).records) == bad


@pytest.mark.parametrize("line", [b'{"a": [1', b"2]}", b'{"a": 1},{"b": 2}', b'{"a": 1} {"b": 2}', b'{"t": "\xff"}'])
def test_a_broken_line_is_named(line: bytes) -> None:
    with pytest.raises(BodyError, match="line 2 of the answer is not JSON"):
        page(b'{"id": 1}\n' + line + b'\n{"id": 3}\n', JSONL)


def test_broken_lines_that_mend_each_other_are_errors() -> None:
    with pytest.raises(BodyError, match="line 1"):
        page(b'{"a": [1\n2]}\n{},{}', JSONL)


def test_no_lines_are_no_records() -> None:
    assert rows(b"", JSONL) == []
    assert rows(b"\n\n", JSONL) == []


# -- CSV --


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"id,name\n1,a\n2,b\n", [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]),
        (b'id,name\r\n01,"a, ""b""\r\nc"\r\n', [{"id": "01", "name": 'a, "b"\r\nc'}]),
        (b"id,name\n1.50,\n\n,x", [{"id": "1.50", "name": ""}, {"id": "", "name": "x"}]),
        (b"id,name\n", []),
    ],
    ids=["plain", "quoted", "empty fields and lines", "header only"],
)
def test_rows_are_texts_under_the_headers_names(body: bytes, expected: list[Any]) -> None:
    assert rows(body, CSV) == expected


def test_tabs_separate_where_the_content_type_says_so() -> None:
    assert rows(b"a\tb\n1,5\t2\n", "text/tab-separated-values") == [{"a": "1,5", "b": "2"}]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", BodyError, "empty"),
        (b"a,b\n1,2\n3\n", BodyError, "line 3 of the CSV has 1 fields, and the header 2"),
        (b"a,b\n1,2,3\n", BodyError, "line 2 of the CSV has 3 fields"),
        (b'a,b\n1,"2\n', BodyError, "not CSV"),
        (b'a,b\n1,"2"x\n', BodyError, "not CSV"),
        (b"a,b,a\n", RefusedError, '"a" twice'),
        (b"a;b\n1;2\n", RefusedError, "not separated by commas"),
    ],
)
def test_rows_that_do_not_fit_are_errors(body: bytes, error: type[TapError], words: str) -> None:
    with pytest.raises(error, match=words):
        page(body, CSV)


# -- XML --


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("<i><id>01</id><t> a </t><e/></i>", {"id": "01", "t": " a ", "e": ""}),
        ('<i id="7"><tag>a</tag><tag>b</tag></i>', {"@id": "7", "tag": ["a", "b"]}),
        ('<i><p cur="EUR">9.90</p></i>', {"p": {"@cur": "EUR", "#text": "9.90"}}),
        ("<i>x <b>y</b> z</i>", {"b": "y", "#text": "x  z"}),
        ("<i>plain</i>", {"#text": "plain"}),
        ('<i xmlns:x="u"><x:a>1</x:a><![CDATA[<&>]]></i>', {"a": "1", "#text": "<&>"}),
        (
            '<i xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a xsi:nil="true"/>&#228;</i>',
            {"a": None, "#text": "ä"},
        ),
        ("<i><!-- no --><r><i>inner</i></r></i>", {"r": {"i": "inner"}}),
    ],
)
def test_an_element_becomes_an_object(element: str, expected: Any) -> None:
    assert rows(f"<r>{element}</r>".encode(), XML, "r.i") == [expected]


XML_PAGE = b"""<?xml version="1.0"?><response><meta><next>abc</next><total>2</total></meta>
<items><item><id>1</id></item><item><id>2</id></item></items></response>"""


@pytest.mark.parametrize("path", ["items.item", "response.items.item"])
def test_elements_are_named_by_the_last_names_on_the_way_to_them(path: str) -> None:
    found = page(XML_PAGE, XML, path)
    assert [json.loads(bytes(record)) for record in found.records] == [{"id": "1"}, {"id": "2"}]
    assert (found.body.find("meta.next"), found.body.find("meta.total"), found.path) == ("abc", "2", path)


def test_an_element_without_records_is_an_empty_page() -> None:
    assert rows(b"<response><items/></response>", XML, "items.item") == []


@pytest.mark.parametrize(
    ("records", "words", "fix"),
    [(None, "nothing says which", "one of: items.item"), ("rows.row", 'no element "rows"', "one of: items.item")],
)
def test_records_that_are_not_there_are_an_error(records: str | None, words: str, fix: str) -> None:
    with pytest.raises(RecordsPathError, match=words) as caught:
        page(XML_PAGE, XML, records)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", BodyError, "empty"),
        (b"<r><i></r>", BodyError, "not XML"),
        (b"<r><i>1</i>", BodyError, "not XML"),
        (b"<a>" * 100_000, BodyError, "nested too deeply"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><r><i>&a;</i></r>', RefusedError, "entities"),
        (b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><i>&a;</i></r>', RefusedError, "entities"),
        (b"<r><i>&unknown;</i></r>", BodyError, "not XML"),
    ],
    ids=["empty", "crossed", "cut", "deep", "entity", "file", "undeclared"],
)
def test_xml_that_is_not_to_be_read(body: bytes, error: type[TapError], words: str) -> None:
    with pytest.raises(error, match=words):
        page(body, XML, "r.i")


def test_a_body_that_is_all_records_has_no_paths() -> None:
    with pytest.raises(RecordsPathError, match='no "data"'):
        page(b'{"id": 1}', JSONL, "data")
    response = Response(200, {"content-type": CSV}, b"id\n1\n", "http://x", NOW, NOW)
    with pytest.raises(RecordsPathError, match=r'no "meta\.total"'):
        page_parser(None, ["header:Next", "meta.total"])(response)


@given(st.binary(), st.sampled_from([JSONL, CSV, XML, "text/csv; charset=utf-16", f"{XML}; charset=latin-1"]))
def test_no_body_crashes_a_parser(body: bytes, kind: str) -> None:
    for noise in (body, b"<r><i>" + body + b"</i></r>", b"a,b\n1," + body, b'{"a": 1}\n' + body):
        with suppress(TapError):
            page(noise, kind, "r.i" if kind.startswith(XML) else None)


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(), max_size=3)), st.integers(1, 40))
def test_large_bodies_read_as_small_ones_do(records: list[Any], size: int) -> None:
    body = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    whole = page(body, JSONL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tap_rest_api.spool.MEMORY_BYTES", -1)
        patch.setattr("tap_rest_api.lines.PIECE_BYTES", size)
        start, spool = gather(iter([body[:7], body[7:]]), may_spool=True)
        assert spool is not None
        response = Response(200, {"content-type": JSONL}, start, "http://x", NOW, NOW, spool)
        found = page_parser(None)(response)
        pieces = [*found.earlier(), found.records]
    assert [bytes(record) for piece in pieces for record in piece] == [bytes(record) for record in whole.records]
    assert found.count == len(records)


# -- through the whole tap --


def export(kind: str, body: bytes, **options: Any) -> Any:
    config = {
        "name": "items", "path": "/items", "primary_key": ["id"], "pagination": {"type": "none"},
        "replication": {"key": "at"}, **options,
    }  # fmt: skip
    return config, Reply(body, headers={"Content-Type": kind})


RECORDS = [{"id": str(number), "at": f"2024-01-{1 + number % 28:02}", "t": "x" * 50} for number in range(500)]
BODIES = {
    "jsonl": (JSONL, "".join(json.dumps(record) + "\n" for record in RECORDS).encode()),
    "csv": (CSV, "\r\n".join(["id,at,t", *(",".join(record.values()) for record in RECORDS)]).encode()),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip file"])
@pytest.mark.parametrize("form", BODIES)
def test_a_body_too_large_to_hold_is_emitted_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, packed: bool
) -> None:
    monkeypatch.setattr("tap_rest_api.spool.MEMORY_BYTES", 10_000)
    monkeypatch.setattr("tap_rest_api.lines.PIECE_BYTES", 4_000)
    monkeypatch.setattr("tap_rest_api.csv_rows.PIECE_BYTES", 4_000)
    written: list[int] = []
    write = os.write

    def note(descriptor: int, view: memoryview) -> int:
        written.append(len(view))
        return write(descriptor, view)

    monkeypatch.setattr("tap_rest_api.stdout.os.write", note)
    kind, body = BODIES[form]
    stream, reply = export("application/gzip" if packed else kind, gzip.compress(body) if packed else body, format=form)
    with FakeApi(lambda _: reply) as api:
        config = {"base_url": api.url, "streams": [stream]}
        first = run_tap(tmp_path, config)
        second = run_tap(tmp_path, config, state=first.states[-1])
    assert first.error is None
    assert first.records() == RECORDS
    assert max(written) < len(body) / 3
    assert second.records() == []


@pytest.mark.parametrize(
    ("inside", "is_told"),
    [
        ("<item/><item/>", True),
        ("", False),
        ("<total>0</total>", False),
        ("<link/><link/>", False),
        ("<row/><item/><item/>", False),
    ],
    ids=["others", "empty", "one other", "links", "a record"],
)
def test_a_slip_in_the_last_name_of_an_xml_path_does_not_pass_for_an_empty_page(
    caplog: pytest.LogCaptureFixture, inside: str, is_told: bool
) -> None:
    page(f"<r><items>{inside}</items></r>".encode(), XML, "items.row")
    assert ('has no "row", but several of: items.item' in caplog.text) is is_told
