"""Turns one attempt to ask into its outcome: what the libraries raise becomes a Failure, or a final no."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import requests
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from tap_rest_api.errors import BodyError, CredentialsError, RefusedError
from tap_rest_api.origin import parse_origin
from tap_rest_api.retry import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_rest_api.transport import Request

T = TypeVar("T")

_RESET = Failure("the connection was reset")
_TLS_FIX = 'if a private authority has signed its certificate: "verify": "the path of that authority\'s bundle".'


def attempt(once: Callable[[], T | Failure], request: Request, where: str) -> T | Failure:
    """Call something that sends a request.

    Args:
        once: Sends it, and may raise what the HTTP libraries do.
        request: What it sends.
        where: For an error that does not know its place.

    Raises:
        CredentialsError: As `once` does.
        RefusedError: As `once` does, or the request cannot be sent, now or later.
    """
    try:
        return once()
    except BodyError as error:
        return Failure(error.message)
    except (CredentialsError, RefusedError) as error:
        error.where = error.where or where
        raise
    except (requests.RequestException, HTTPError) as error:
        return _to_failure(error, request, where)


def _to_failure(error: Exception, request: Request, where: str) -> Failure:
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return Failure("no answer in time", unreachable=isinstance(error, requests.ConnectTimeout))
    if isinstance(error, requests.exceptions.SSLError):
        if "EOF" in str(error):  # hung up in the middle of the handshake
            return _RESET
        raise RefusedError(f"TLS with the server failed: {error}", where=where, fix=_TLS_FIX) from None
    if isinstance(error, requests.exceptions.ProxyError):
        return Failure(f"no connection through the proxy: {_reason(error)}", unreachable=True)
    if isinstance(error, requests.ConnectionError) and isinstance(_reason(error), NewConnectionError):
        return Failure(f"no connection to {parse_origin(request.url)}", unreachable=True)
    if isinstance(error, (requests.ConnectionError, HTTPError)):  # urllib3's own: while the body was read
        return _RESET
    raise RefusedError(f"the request cannot be sent: {error}", where=where) from None


def _reason(error: requests.ConnectionError) -> object:
    return getattr(error.args[0], "reason", None) if error.args else None
