"""Turns requests under /_control/ into looks behind the API and turns of its switches, without a key.

The server listens on the loopback address only, so that nobody else reaches these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from examples.marketplace.faults import parse_faults
from examples.marketplace.message import Request, Response, error_response, json_response
from examples.marketplace.served import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.marketplace.app import App

PREFIX = "/_control/"
JSON_LINES = (("Content-Type", "application/x-ndjson; charset=utf-8"),)


def control(app: App, request: Request) -> Response:
    """Return the answer to a request under /_control/."""
    name, _, rest = request.path.removeprefix(PREFIX).partition("/")
    switch = SWITCHES.get((request.method, name))
    if switch is None:
        known = ", ".join(f"{method} {PREFIX}{switch}" for method, switch in SWITCHES)
        return error_response(404, "not_found", f"There are: {known}")
    return switch(app, replace(request, path=rest))


def _records(app: App, request: Request) -> Response:
    try:
        texts = app.world.records(request.path)
    except KeyError:
        return error_response(404, "not_found", f"There is no stream {request.path}")
    return _lines(texts)


def _served(app: App, _request: Request) -> Response:
    return _lines([line(one).encode() for one in app.log.read()])


def _lines(texts: list[bytes]) -> Response:
    return Response(200, b"".join(text + b"\n" for text in texts), headers=JSON_LINES)


def _requests(app: App, _request: Request) -> Response:
    return json_response(app.requests())


def _advance(app: App, _request: Request) -> Response:
    return json_response({"day": app.advance()})


def _faults(app: App, request: Request) -> Response:
    try:
        faults = parse_faults(request.body)
    except ValueError as error:
        return error_response(400, "bad_request", str(error))
    app.plan.set(faults)
    return json_response({"faults": len(faults)})


SWITCHES: dict[tuple[str, str], Callable[[App, Request], Response]] = {
    ("GET", "records"): _records,
    ("GET", "served"): _served,
    ("GET", "requests"): _requests,
    ("POST", "advance"): _advance,
    ("POST", "faults"): _faults,
}
