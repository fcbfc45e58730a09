from __future__ import annotations

from typing import Any

import pytest

from tap_rest_api.template import TemplateError, escape, literal, nearest, references, render, render_path, to_text

SCOPE = {
    "parent": {
        "id": 7,
        "name": "a/b ü",
        "none": None,
        "dots": "..",
        "open": True,
        "tags": [1, "x"],
        "inner": "${page.size}",
    },
    "sync": {"start": "2024-01-02T03:04:05Z", "end": None},
    "page": {"cursor": None, "number": 3, "offset": 0, "size": 50},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("${page.number}", 3),
        ("${parent.open}", True),
        ("page-${page.number}", "page-3"),
        ("${parent.id}:${page.offset}", "7:0"),
        ("open=${parent.open}", "open=true"),
        ("${sync.start|epoch}", 1704164645),
        ("${sync.start|epoch_ms}", 1704164645000),
        ("${sync.start|%Y-%m-%d}", "2024-01-02"),
        ("${parent.tags|json}", '[1, "x"]'),
        ("$${parent.id}", "${parent.id}"),
        ("${parent.inner}", "${page.size}"),
        ("x${parent.inner}", "x${page.size}"),
        ({"a": "${page.size}", "b": ["${page.number}", 1]}, {"a": 50, "b": [3, 1]}),
        ({"gone": "${page.cursor}", "stays": 1}, {"stays": 1}),
        ({"gone": "after ${page.cursor}", "list": ["${page.cursor}", 2]}, {"list": [2]}),
        ("${page.cursor}", None),
        (12, 12),
    ],
    ids=str,
)
def test_templates_are_filled_in(value: Any, expected: Any) -> None:
    rendered = render(value, SCOPE)
    assert rendered == expected
    assert type(rendered) is type(expected)


def test_path_values_are_percent_encoded() -> None:
    assert render_path("/shops/${parent.name}/${parent.id}", SCOPE) == "/shops/a%2Fb%20%C3%BC/7"


@pytest.mark.parametrize("name", ["none", "dots", "missing"])
def test_a_path_value_that_would_change_the_path_is_refused(name: str) -> None:
    with pytest.raises(TemplateError, match="cannot be part of a path"):
        render_path(f"/shops/${{parent.{name}}}", SCOPE)


@pytest.mark.parametrize("value", ["${parent.tags} here", "${parent.name|epoch}"])
def test_a_value_that_does_not_fit_its_place_is_refused(value: str) -> None:
    with pytest.raises(TemplateError):
        render(value, SCOPE)


@pytest.mark.parametrize("text", ["${env}", "${}", "${env.X", "a ${env.} b"])
def test_what_opens_like_a_template_must_be_one(text: str) -> None:
    with pytest.raises(TemplateError, match="is not a template"):
        list(references(text))


def test_text_from_outside_is_never_a_template() -> None:
    secret = "a${parent.id}b"
    assert literal(escape(secret)) == secret
    assert render(escape(secret), SCOPE) == secret
    assert not list(references(escape(secret)))


def test_a_template_where_none_may_stand_is_refused() -> None:
    with pytest.raises(TemplateError, match="cannot stand here"):
        literal("Bearer ${sync.start}")


def test_near_misses_are_suggested() -> None:
    assert nearest("typ", ["type", "name"]) == 'did you mean "type"?'
    assert nearest("zzz", ["type"]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (1.5, "1.5"), ("x", "x"), (10**20, "1" + "0" * 20)], ids=str
)
def test_values_stand_in_urls_as_in_json(value: Any, text: str) -> None:
    assert to_text(value) == text


def test_a_text_of_openings_is_read_at_once() -> None:
    """Each opening looked for its end through the whole text."""
    assert render("${a." * 200_000, SCOPE) == "${a." * 200_000
