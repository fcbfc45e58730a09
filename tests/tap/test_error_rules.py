from __future__ import annotations

import pytest

from tap_rest_api.error_rules import ErrorRule, find_rule, look_up, matches_status


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        (ErrorRule("skip", (404, 410)), [404, 410], [400, 200]),
        (ErrorRule("skip", ("4xx",)), [400, 499], [500, 200]),
        (ErrorRule("skip", ("503",)), [503], [500]),
        (ErrorRule("skip"), [400, 500], [200]),
        (ErrorRule("retry", (), "error"), [200, 400], []),
    ],
    ids=["numbers", "class", "text", "any error", "any body"],
)
def test_a_rule_names_the_statuses_it_speaks_of(rule: ErrorRule, matching: list[int], other: list[int]) -> None:
    assert all(matches_status(rule, status) for status in matching)
    assert not any(matches_status(rule, status) for status in other)


def test_the_first_rule_that_speaks_of_an_answer_is_found() -> None:
    rules = (ErrorRule("fail", (404,), "gone"), ErrorRule("end", (404,)), ErrorRule("skip", (404,)))
    assert find_rule(rules, 404, b'{"gone": false}') == rules[1]
    assert find_rule(rules, 404, b"<html>") == rules[1]
    assert find_rule(rules, 400, b"{}") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 10_000, b"\xff", b"[1]"])
def test_a_body_that_an_expression_cannot_read_holds_nothing(body: bytes) -> None:
    assert look_up("error.code", body) is None
    assert look_up("length(error)", body) is None
