from __future__ import annotations

import pytest

from tap_rest_api.errors import RefusedError
from tap_rest_api.origin import Origin, is_own, parse_origin, user_secrets

OWN = parse_origin("https://api.example/v1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example", Origin("https", "api.example", 443)),
        ("http://API.Example:8080/x", Origin("http", "api.example", 8080)),
        ("https://[::1]/x", Origin("https", "::1", 443)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: Origin) -> None:
    assert parse_origin(url) == expected


@pytest.mark.parametrize("url", ["https://api.example/a", "https://API.EXAMPLE:443/b?c=d", "HTTPS://api.example"])
def test_the_apis_own_origin_gets_credentials(url: str) -> None:
    assert is_own(url, OWN, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/",
        "https://api.example:8443/",
        "https://api.example.evil.test/",
        "https://evil.test/",
        "https://user@api.example/",
        "https://api.example@evil.test/",
        "https://api.example:x/",
        "https://evil.test\\@api.example/",
        "//evil.test/",
        "file:///etc/passwd",
        "ftp://api.example/",
        "https:///x",
        "https://[::1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://api.example./",
        "https://api.example%2eevil.test/",
        "https://\u0430pi.example/",
        "https://a\ud800pi.example/",
    ],
)
def test_any_other_origin_is_refused(url: str) -> None:
    with pytest.raises(RefusedError):
        is_own(url, OWN, [])


def test_a_host_in_other_letters_is_the_one_it_stands_for() -> None:
    assert is_own("https://b\u00fccher.example/x", parse_origin("https://xn--bcher-kva.example"), [])


def test_a_proxys_user_is_a_secret_as_written_and_as_meant() -> None:
    assert user_secrets("http://ada:p%40ss@proxy:3128") == {"ada", "p%40ss", "p@ss", "ada:p%40ss", "ada:p@ss"}
    assert user_secrets("http://proxy:3128") == set()


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://files.example/x", "files.example"),
        ("https://files.example/x", "Files.Example:443"),
        ("https://files.example:8443/x", "files.example:8443"),
        ("https://[::1]/x", "[::1]"),
    ],
)
def test_an_allowed_host_may_be_asked_without_credentials(url: str, entry: str) -> None:
    assert not is_own(url, OWN, [entry])


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://files.example:8443/x", "files.example"),
        ("https://files.example/x", "files.example:8443"),
        ("https://www.files.example/x", "files.example"),
        ("http://files.example/x", "files.example"),
    ],
    ids=["other port", "only that port", "subdomain", "plain http"],
)
def test_an_allowed_host_allows_nothing_else(url: str, entry: str) -> None:
    with pytest.raises(RefusedError):
        is_own(url, OWN, [entry])


def test_plain_http_apis_compare_with_plain_http() -> None:
    own = parse_origin("http://127.0.0.1:8000")
    assert is_own("http://127.0.0.1:8000/x", own, [])
    assert not is_own("http://127.0.0.1/x", own, ["127.0.0.1"])
