"""Turns a whole answer into what a broken connection makes of it."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.fake_api import Reply

    Wire = Callable[[socket.socket, Reply], None]

DRIP_SECONDS = 0.05
ARRIVAL_SECONDS = 0.1  # an RST would throw away what is still on its way


def _head(reply: Reply, *fields: str) -> bytes:
    own = [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *own, *fields, "", ""]).encode()


def _reset(connection: socket.socket) -> None:
    """End the connection with an RST rather than in good order."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def reset_before(connection: socket.socket, _: Reply) -> None:
    _reset(connection)


def reset_mid(connection: socket.socket, reply: Reply) -> None:
    content = reply.content()
    connection.sendall(_head(reply, f"Content-Length: {len(content)}") + content[: len(content) // 2])
    time.sleep(ARRIVAL_SECONDS)
    _reset(connection)


def reset_after(connection: socket.socket, reply: Reply) -> None:
    content = reply.content()
    connection.sendall(_head(reply, f"Content-Length: {len(content)}") + content)
    time.sleep(ARRIVAL_SECONDS)
    _reset(connection)


def short_length(connection: socket.socket, reply: Reply) -> None:
    content = reply.content()
    connection.sendall(_head(reply, f"Content-Length: {len(content) + 50}") + content)
    connection.shutdown(socket.SHUT_WR)


def cut_chunked(connection: socket.socket, reply: Reply) -> None:
    content = reply.content()
    connection.sendall(_head(reply, "Transfer-Encoding: chunked") + b"%x\r\n" % len(content) + content + b"\r\n")
    connection.shutdown(socket.SHUT_WR)


def cut_gzip(connection: socket.socket, reply: Reply) -> None:
    content = gzip.compress(reply.content())[:-9]
    head = _head(reply, f"Content-Length: {len(content)}", "Content-Encoding: gzip", "Connection: close")
    connection.sendall(head + content)


def cut_closed(connection: socket.socket, reply: Reply) -> None:
    """Cut an answer of which only the end of the connection tells the end."""
    content = reply.content()
    connection.sendall(_head(reply, "Connection: close") + content[: len(content) // 2])
    connection.shutdown(socket.SHUT_WR)


def stall(connection: socket.socket, _: Reply) -> None:
    connection.recv(1)  # until the tap has gone


def drip(connection: socket.socket, reply: Reply) -> None:
    content = reply.content()
    with suppress(OSError):  # the tap has gone
        connection.sendall(_head(reply, f"Content-Length: {len(content)}"))
        for byte in content:
            connection.sendall(bytes([byte]))
            time.sleep(DRIP_SECONDS)


def rubbish(connection: socket.socket, _: Reply) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    connection.shutdown(socket.SHUT_WR)


WIRE_FAULTS: dict[str, Wire] = {
    fault.__name__: fault
    for fault in (
        reset_before,
        reset_mid,
        reset_after,
        short_length,
        cut_chunked,
        cut_gzip,
        cut_closed,
        stall,
        drip,
        rubbish,
    )
}
