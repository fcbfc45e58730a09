"""A shape becomes a local API of pages, in a process of its own that costs little beside what it is measured with.

GET /<shape>?page=3 | cursor=3 | since_id=…    {"data": [...], "meta": {"total": …, "next": 4 or null}}
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.settings import ROOT
from bench.shapes import FIRST_ID, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.shapes import Shape

_PAGE = re.compile(rb"[?&](?:page|cursor)=(\d+)")
_SINCE = re.compile(rb"[?&]since_id=(\d+)")
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
_READ_BYTES = 65536


def page_body(shape: Shape, records: int, page_size: int, number: int) -> bytes:
    """Return a page, counted from 1; one past the end is empty."""
    first = (number - 1) * page_size
    count = max(0, min(page_size, records - first))
    following = str(number + 1) if first + count < records and count else "null"
    texts = shape.text(first, count) if count else b""
    return b'{"data":[%b],"meta":{"total":%d,"next":%b}}' % (texts, records, following.encode())


def serve(shape: Shape, records: int, page_size: int, delay_seconds: float) -> None:
    """Serve until stdin ends; the port is printed first."""
    page_body(shape, records, page_size, 1)  # draws the records
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)

    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while request := _read_request(connection):
                page, since = _PAGE.search(request), _SINCE.search(request)
                number = int(page[1]) if page else 1
                if since and int(since[1]) >= FIRST_ID + records - 1:
                    number = records // page_size + 2
                body = page_body(shape, records, page_size, number)
                time.sleep(delay_seconds)
                connection.sendall(_HEAD.format(len(body)).encode() + body)

    def listen() -> None:
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    sys.stdin.read()


def _read_request(connection: socket.socket) -> bytes:
    """Return a request's head, its target in front; nothing once the client has gone."""
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(_READ_BYTES)
        if not part:
            return b""
        request += part
    return request.partition(b"\r\n")[0]


@contextmanager
def serving(shape: Shape, records: int, page_size: int = 1000, delay_seconds: float = 0.0) -> Iterator[str]:
    """Run the server beside this process, and give its address."""
    options = [shape.name, str(records), str(page_size), str(delay_seconds)]
    command = [sys.executable, "-m", "bench.page_server", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the page server has no pipes")
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_server")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("records", type=int)
    parser.add_argument("page_size", type=int)
    parser.add_argument("delay_seconds", type=float)
    options = parser.parse_args()
    serve(SHAPES[options.shape], options.records, options.page_size, options.delay_seconds)


if __name__ == "__main__":
    main()
