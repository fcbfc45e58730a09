"""Turns a request into yes or no: does it carry the key?"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.marketplace.message import Request

BASIC_USER = "demo"


def carries_key(request: Request, key: str) -> bool:
    """Say whether the key came as X-API-Key, as bearer token, as basic password or as `api_key` in the query."""
    return any(hmac.compare_digest(offered.encode(), key.encode()) for offered in _offered(request))


def _offered(request: Request) -> Iterator[str]:
    yield request.headers.get("x-api-key", "")
    yield request.query.get("api_key", "")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    if scheme.lower() == "basic":
        yield _basic_password(credentials)


def _basic_password(credentials: str) -> str:
    """Return the password of the basic credentials, empty when they are malformed or another user's."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return password if user == BASIC_USER else ""
