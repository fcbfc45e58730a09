"""Turns an answer into bytes on a connection: whole, or broken off in one of the ways networks have."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

DRIP_PIECES = 20
DRAIN_POLL_SECONDS = 0.001


class ClientGoneError(Exception):
    """The client has closed its side, or the server stops: there is nobody to send to."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready to be sent: status, headers without Content-Length, encoded body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def head(self, *framing: tuple[str, str]) -> bytes:
        """Return status line and headers; `framing` says how long the body is."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *framing)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def whole(self) -> bytes:
        """Return head and body as they should be."""
        if self.status == HTTPStatus.NO_CONTENT:
            return self.head()
        return self.head(("Content-Length", str(len(self.body)))) + self.body


class Wire:
    """One client's connection, with the ways to end it."""

    def __init__(self, connection: socket.socket, stopping: Event) -> None:
        self._connection = connection
        self._stopping = stopping
        self.closed = False

    def send(self, data: bytes | memoryview) -> None:
        """Send all of `data`; raises ClientGoneError."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise ClientGoneError from error

    def wait(self, seconds: float) -> None:
        """Stay silent; raises ClientGoneError when the server stops meanwhile."""
        if self._stopping.wait(seconds):
            raise ClientGoneError

    def hang_up(self) -> None:
        """End the connection in good order, as if all had been said."""
        self.closed = True
        with suppress(OSError):  # the client has ended it already
            self._connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Wait until the client's side has what was sent, then break the connection with an RST."""
        self.closed = True
        while _unacknowledged_bytes(self._connection):
            self.wait(DRAIN_POLL_SECONDS)  # an RST would throw away what is still on its way
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self._connection.detach())


Writer = Callable[[Wire, Reply, Callable[[], None], float], None]
"""Writes a reply; calls its third argument just before the last byte of a complete one. The float: seconds."""


def write_whole(wire: Wire, reply: Reply, served: Callable[[], None], _seconds: float = 0.0) -> None:
    """Send the reply as it should be.

    `served` runs before the last byte leaves, so a client that has the whole body finds it in the log.
    """
    data = memoryview(reply.whole())
    wire.send(data[:-1])
    served()
    wire.send(data[-1:])


def _reset_before(wire: Wire, _reply: Reply, _served: Callable[[], None], _seconds: float) -> None:
    wire.reset()


def _reset_mid(wire: Wire, reply: Reply, _served: Callable[[], None], _seconds: float) -> None:
    wire.send(reply.whole()[: -(len(reply.body) // 2 + 1)])
    wire.reset()


def _reset_after(wire: Wire, reply: Reply, served: Callable[[], None], _seconds: float) -> None:
    write_whole(wire, reply, served)
    wire.reset()


def _stall(wire: Wire, reply: Reply, served: Callable[[], None], seconds: float) -> None:
    wire.wait(seconds)
    write_whole(wire, reply, served)


def _drip(wire: Wire, reply: Reply, served: Callable[[], None], seconds: float) -> None:
    data = reply.whole()
    size = -(-len(data) // DRIP_PIECES)
    for at in range(0, len(data) - size, size):
        wire.send(data[at : at + size])
        wire.wait(seconds / DRIP_PIECES)
    served()
    wire.send(data[(len(data) - 1) // size * size :])


def _short_length(wire: Wire, reply: Reply, _served: Callable[[], None], _seconds: float) -> None:
    wire.send(reply.head(("Content-Length", str(len(reply.body) + 100))) + reply.body)
    wire.hang_up()


def _cut_chunked(wire: Wire, reply: Reply, _served: Callable[[], None], _seconds: float) -> None:
    half = reply.body[: len(reply.body) // 2]
    head = reply.head(("Transfer-Encoding", "chunked"))
    wire.send(head + b"%x\r\n" % len(half) + half + b"\r\n%x\r\n" % (len(reply.body) - len(half)))
    wire.hang_up()


def _cut_gzip(wire: Wire, reply: Reply, _served: Callable[[], None], _seconds: float) -> None:
    zipped = gzipped(reply)
    wire.send(Reply(zipped.status, zipped.headers, zipped.body[: len(zipped.body) * 2 // 3]).whole())


WRITERS: dict[str, Writer] = {
    "reset_before": _reset_before,
    "reset_mid": _reset_mid,
    "reset_after": _reset_after,
    "stall": _stall,
    "drip": _drip,
    "short_length": _short_length,
    "cut_chunked": _cut_chunked,
    "cut_gzip": _cut_gzip,
}


def gzipped(reply: Reply) -> Reply:
    """Return the reply with its body in gzip, unless it has an encoding already."""
    if any(name == "Content-Encoding" for name, _ in reply.headers):
        return reply
    body = gzip.compress(reply.body, compresslevel=1, mtime=0)
    return Reply(reply.status, (*reply.headers, ("Content-Encoding", "gzip")), body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _unacknowledged_bytes(connection: socket.socket) -> int:
    return int.from_bytes(ioctl(connection, termios.TIOCOUTQ, bytes(4)), "little")
