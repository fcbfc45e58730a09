"""Turns the answer to a first request into the error that says why nothing can be made of it, if nothing can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_rest_api.cut import cut
from tap_rest_api.errors import CredentialsError, RefusedError
from tap_rest_api.probe.credentials import FORMS
from tap_rest_api.verdict import describe, status_text

if TYPE_CHECKING:
    from tap_rest_api.errors import TapError
    from tap_rest_api.transport import Response

_SCHEME = re.compile(r"(?:^|,)\s*(?P<scheme>[A-Za-z][\w-]*)(?=\s|,|$)")
_TITLE = re.compile(r"<title[^>]*>(?P<title>.*?)</title>", re.IGNORECASE | re.DOTALL)
_OPTIONS = {
    "bearer": "--auth bearer:env.TOKEN",
    "basic": "--auth basic:env.USER:env.PASSWORD",
    "digest": "--auth digest:env.USER:env.PASSWORD",
}
LATER = "try again later."
_SHOWN_CHARACTERS = 100
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVERS_OWN = 401, 403, 404, 429, 500


def refusal(response: Response, *, has_credentials: bool) -> TapError | None:
    """Return why an answer is none that records can be looked for in; None for one that may hold some."""
    if response.status in (_UNAUTHORIZED, _FORBIDDEN):
        return _credentials_error(response, has_credentials=has_credentials)
    if response.status == _NOT_FOUND:
        fix = "check the path; the API's documentation lists its endpoints, and --openapi reads them from one."
        return RefusedError("there is nothing at this address: 404 Not Found", where=response.url, fix=fix)
    if not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, successful
        is_for_now = response.status == _TOO_MANY or response.status >= _SERVERS_OWN
        fix = LATER if is_for_now else "ask for something that the API answers."
        return RefusedError(describe(response), where=response.url, fix=fix)
    if _is_web_page(response):
        found = _TITLE.search(response.body[:65536].decode("utf-8", "replace"))
        title = f', titled "{cut(" ".join(found["title"].split()), _SHOWN_CHARACTERS)}"' if found else ""
        fix = "look for the address of the API itself: one that answers with JSON."
        return RefusedError(f"this is a web page{title}, not an API", where=response.url, fix=fix)
    return None


def _is_web_page(response: Response) -> bool:
    essence = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return essence in ("text/html", "application/xhtml+xml") and response.body.lstrip()[:1] not in (b"{", b"[")


def _credentials_error(response: Response, *, has_credentials: bool) -> CredentialsError:
    challenge = response.headers.get("www-authenticate", "")
    schemes = [match["scheme"] for match in _SCHEME.finditer(challenge)]
    known = [_OPTIONS[scheme.lower()] for scheme in schemes if scheme.lower() in _OPTIONS]
    asked = f"; it asks for {', '.join(dict.fromkeys(schemes))}" if schemes else "; it does not say what it asks for"
    if has_credentials:
        fix = "check the variable's value, and whether it belongs where it is put."
        return CredentialsError(
            f"the API refused the credentials: {describe(response)}{asked}", where=response.url, fix=fix
        )
    ways = f"export the secret, and add {' or '.join(dict.fromkeys(known))}." if known else f"add --auth: {FORMS}."
    return CredentialsError(f"the API answered {status_text(response.status)}{asked}", where=response.url, fix=ways)
