"""Turns what arrives on a connection into requests, and answers into replies on that connection."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from examples.marketplace.control import PREFIX, control
from examples.marketplace.message import Request, Response, error_response
from examples.marketplace.wire import WRITERS, ClientGoneError, Reply, Wire, gzipped, write_whole

if TYPE_CHECKING:
    from threading import Event

    from examples.marketplace.app import App
    from examples.marketplace.faults import Fault

GZIP_OVER_BYTES = 1024
MAX_BODY_BYTES = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """One connection; a subclass made by `handler_for` says which API is behind it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # with it, two small writes wait 40 ms for the client's delayed ACK
    app: App
    stopping: Event
    gzip: bool
    verbose: bool

    def do_GET(self) -> None:
        """Answer one request of any method."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._reply(error_response(413, "too_large", f"At most {MAX_BODY_BYTES} bytes"), None)
            return
        request = self._request(self.rfile.read(int(length)))
        if request.path.startswith(PREFIX):
            self._reply(control(self.app, request), None)
        else:
            self._reply(*self.app.answer(request))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names http.server calls

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        return Request(
            self.command,
            unquote(parts.path),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )

    def _reply(self, response: Response, fault: Fault | None) -> None:
        """Send the answer, whole or as the fault has it; a client that has gone is nobody's error."""
        wire = Wire(self.connection, self.stopping)
        write = WRITERS.get(fault.kind, write_whole) if fault else write_whole
        seconds = fault.seconds if fault else 0.0
        self.log_request(response.status)
        try:
            write(wire, self._encoded(response), lambda: self.app.served(response), seconds)
        except ClientGoneError:
            self.close_connection = True
        self.close_connection = self.close_connection or wire.closed

    def _encoded(self, response: Response) -> Reply:
        headers = (("Server", self.version_string()), ("Date", self.date_time_string()), *response.headers)
        if self.close_connection:
            headers += (("Connection", "close"),)
        reply = Reply(response.status, headers, response.body)
        accepted = "gzip" in self.headers.get("Accept-Encoding", "").lower()
        return gzipped(reply) if self.gzip and accepted and len(reply.body) > GZIP_OVER_BYTES else reply

    def version_string(self) -> str:
        """Name the server and say what its data are."""
        return "marketplace-example (synthetic data)"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server gives it
        """Write the request log to stderr, if it is wanted."""
        if self.verbose:
            sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")


def handler_for(app: App, *, stopping: Event, gzip: bool, verbose: bool) -> type[Handler]:
    """Return the handler class that serves `app`."""
    return type("BoundHandler", (Handler,), {"app": app, "stopping": stopping, "gzip": gzip, "verbose": verbose})
