"""A server in front of an S3: it sees every request, and does to one of them what networks and stores do."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Container
    from types import TracebackType

ERRORS = {
    "503": (503, "SlowDown"),
    "500": (500, "InternalError"),
    "409": (409, "ConditionalRequestConflict"),
    "412": (412, "PreconditionFailed"),
    "403": (403, "AccessDenied"),
    "expired": (400, "ExpiredToken"),
}
"""Faults that are an answer in place of the store's own."""

FAULTS = (*ERRORS, "timeout", "reset_before", "reset_after")

SECRET_ECHO = "the request carried AKIAECHO and sEcReT-t0ken"

_OPERATIONS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", "uploadId"): "UploadPart",
    ("PUT", "copy"): "CopyObject",
    ("PUT", ""): "PutObject",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("DELETE", ""): "DeleteObject",
}


@dataclass(frozen=True)
class Seen:
    """A request: what it asks for, of which object, with which headers (names in lower case)."""

    operation: str
    key: str
    headers: dict[str, str]


class S3Proxy:
    """Use it as a context manager. `ignored` are headers that the store behind it does not know.

    Attributes:
        seen: Every request since the last `reset`, oldest first.
        errors: The faults that are an answer: a status, a code, perhaps a message.
    """

    def __init__(self, upstream: str, ignored: frozenset[str] = frozenset()) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.ignored = ignored
        self.seen: list[Seen] = []
        self._at: Container[int] = ()
        self._kind = ""
        self.errors: dict[str, tuple[Any, ...]] = dict(ERRORS)
        self._mutex = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.proxy = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self, fault: str = "", at: Container[int] = ()) -> None:
        """Forget what was seen; let the fault befall the requests of these numbers, from 0."""
        with self._mutex:
            self.seen, self._kind, self._at = [], fault, at

    def operations(self) -> set[str]:
        return {request.operation for request in self.seen}

    def take(self, request: Seen) -> str:
        """Note a request, and return what befalls it; nothing for an empty string."""
        with self._mutex:
            self.seen.append(request)
            return self._kind if len(self.seen) - 1 in self._at else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.proxy.take(_to_seen(self.command, self.path, self.headers))
        if fault in self.server.proxy.errors:
            self.answer(*_to_error(*self.server.proxy.errors[fault]))
            return
        reply = None if fault == "reset_before" else self.fetch(body)
        if fault == "timeout":
            self.connection.recv(1)  # until the client gives up
        if fault == "cut" and reply:
            self.answer(reply[0], [*reply[1], ("Content-Length", str(len(reply[2])))], reply[2][: len(reply[2]) // 2])
        if fault or reply is None:
            self.close_connection = True
            return
        self.answer(*reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - http.server's names

    def fetch(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"expect", "connection", *self.server.proxy.ignored}:
                upstream.putheader(name, value)
        upstream.endheaders(body)
        reply = upstream.getresponse()
        data = reply.read()
        upstream.close()
        return reply.status, reply.getheaders(), data

    def answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(data)))
        for name, value in headers:
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


def _to_seen(method: str, path: str, headers: Any) -> Seen:
    parts = urlsplit(path)
    asked = [*parse_qs(parts.query, keep_blank_values=True), *(["copy"] if "x-amz-copy-source" in headers else [])]
    name = next((name for name in asked if (method, name) in _OPERATIONS), "")
    key = unquote(parts.path).lstrip("/").partition("/")[2]
    return Seen(_OPERATIONS[method, name], key, {name.lower(): value for name, value in headers.items()})


def _to_error(status: int, code: str, message: str = SECRET_ECHO) -> tuple[int, list[tuple[str, str]], bytes]:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, [("Content-Type", "application/xml"), ("x-amz-retry-after", "0")], text.encode()
