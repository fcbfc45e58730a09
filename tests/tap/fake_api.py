"""Turns a function from request to reply into a real HTTP server on a free loopback port."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Seen:
    """One request, as the server got it. Header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True)
class Reply:
    """One answer. `body` is sent as it is if it is bytes, else as JSON; `length` lies about it if given.

    `broken` writes the answer's bytes, head and body, in a way of its own, after which the connection ends.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    broken: Callable[[socket.socket, Reply], None] | None = None

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FakeApi:
    """A server that answers with what `route` returns; `seen` holds every request in order.

    `now` gives the time for the Date header, in seconds since 1970.
    """

    def __init__(self, route: Callable[[Seen], Reply], now: Callable[[], float] = time.time) -> None:
        self.seen: list[Seen] = []
        self.route = route
        self.now = now
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def lines(self) -> list[str]:
        return [seen.line for seen in self.seen]


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else every answer on a kept connection waits 40 ms for an ACK

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            api.seen.append(seen)
            reply = api.route(seen)
            if reply.broken is not None:
                self.close_connection = True
                reply.broken(self.connection, reply)
                return
            content = reply.content()
            self.send_response(reply.status)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(content) if reply.length is None else reply.length))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.status != 204:
                self.wfile.write(content)
            if reply.length is not None:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - http.server's own names

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(api.now() if timestamp is None else timestamp)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
