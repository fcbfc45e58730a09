"""Turns the options of the connection, "proxy", "verify" and "allowed_hosts", into their problems."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_rest_api.problem import Problem
from tap_rest_api.template_rules import literal_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_rest_api.problem import RawStream


def connection_problems(merged: RawStream) -> Iterator[Problem]:
    """Yield what is wrong with how the API is reached."""
    yield from literal_problems(merged.get("proxy", ""), ["proxy"])
    yield from _proxy_problems(merged.get("proxy"))
    verify = merged.get("verify", True)
    if isinstance(verify, str):
        yield from _bundle_problems(verify)
    if verify is not True and merged["base_url"].startswith("http://"):
        yield Problem(["verify"], '"verify" means nothing to a base_url without TLS', "leave it out.")
    for index, entry in enumerate(merged.get("allowed_hosts", ())):
        if not entry or "/" in entry or "@" in entry or entry != entry.strip():
            fix = 'write it like "files.example.com" or "files.example.com:8443".'
            yield Problem(["allowed_hosts", index], f'"{entry}" is not a host', fix)


def _proxy_problems(proxy: str | None) -> Iterator[Problem]:
    if proxy is None:
        return
    try:
        parts = urlsplit(proxy)
        is_proxy = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.query
    except ValueError:
        is_proxy = False
    if not is_proxy or any(character.isspace() for character in proxy):
        yield Problem(["proxy"], "this is not an HTTP proxy", 'write it like "http://proxy.example:3128".')


def _bundle_problems(path: str) -> Iterator[Problem]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error
        yield Problem(["verify"], f"the bundle {path!r} cannot be used: {reason}", "it is a file of PEM certificates.")
