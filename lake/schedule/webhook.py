"""A JSON document becomes a POST request, tried again where that may help.

The address may be a secret, as those of chat programs are: only its host is ever named.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

WAITS_SECONDS = (1.0, 4.0)
"""Between one try and the next."""

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


def post(url: str, document: bytes, timeout_seconds: float, sleep: Callable[[float], None] = time.sleep) -> str:
    """Send a document; return what went wrong, or nothing.

    A redirect is not followed: it would take the document to a host that nobody named.
    """
    problem = ""
    for wait in (*WAITS_SECONDS, None):
        problem, again = _try(url, document, timeout_seconds)
        if not again or wait is None:
            break
        sleep(wait)
    return problem


def _try(url: str, document: bytes, timeout_seconds: float) -> tuple[str, bool]:
    """Return what went wrong, and whether it is worth trying again."""
    host = urlsplit(url).hostname
    try:
        with requests.post(
            url,
            data=document,
            headers={"Content-Type": "application/json"},
            timeout=timeout_seconds,
            allow_redirects=False,
            stream=True,  # the body of the answer is of no interest, however long it is
            auth=_unchanged,
        ) as response:
            code = response.status_code
    except (requests.RequestException, ValueError) as error:  # its text may hold the address
        return f"the webhook at {host} cannot be reached ({type(error).__name__})", True
    if code < requests.codes.multiple_choices:
        return "", False
    return f"the webhook at {host} answered {code}", code in _TRY_AGAIN


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding what a .netrc says of the host."""
    return request
