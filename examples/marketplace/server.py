"""Turns the API into a running HTTP server on the loopback address, for a demo or inside a test."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Literal, Self

from examples.marketplace import exact
from examples.marketplace.app import App, SeenRequest
from examples.marketplace.data import SEED
from examples.marketplace.handler import handler_for
from examples.marketplace.served import Served, ServedLog
from examples.marketplace.state import load_day
from examples.marketplace.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from examples.marketplace.faults import Fault
    from examples.marketplace.handler import Handler

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.1


class Marketplace:
    """The example API; as a context manager it runs in threads of its own until the block ends.

    Args:
        port: 0 takes a free one.
        key: The API key that clients must send.
        clean: Whether the seven schema-breaking reviews are mended.
        advance: "walk" begins the next day when the last page of a walk through the reviews has been sent;
            "manual" leaves that to `advance()`.
        reviews: How many reviews there are on day zero.
        gzip: Whether bodies are compressed for clients that accept it.
        state: A file that keeps the day over restarts.
        served_log: A file to which every served record is appended, as a JSON line.
        seed: Fixes all data.
        verbose: Whether requests are logged to stderr.

    Raises:
        ValueError: The state file is not one, or `reviews` is out of range.
        OSError: On entering: the port is taken.
    """

    def __init__(  # noqa: PLR0913 - the server's options, all by name
        self,
        *,
        port: int = 0,
        key: str = "demo-key",
        clean: bool = False,
        advance: Literal["walk", "manual"] = "walk",
        reviews: int = 3000,
        gzip: bool = True,
        state: Path | str | None = None,
        served_log: Path | str | None = None,
        seed: int = SEED,
        verbose: bool = False,
    ) -> None:
        state = None if state is None else Path(state)
        day = 0 if state is None else load_day(state)
        self._app = App(
            World(seed=seed, reviews=reviews, clean=clean, day=day),
            key=key,
            walks_advance=advance == "walk",
            state=state,
            log=ServedLog(None if served_log is None else Path(served_log)),
        )
        self._port = port
        self._stopping = Event()
        self._handler = handler_for(self._app, stopping=self._stopping, gzip=gzip, verbose=verbose)
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self._server = _Server((LOOPBACK, self._port), self._handler)
        self._port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), name="marketplace").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, break off all connections, also stalled ones, and wait for their threads."""
        if self._server is not None:
            self._stopping.set()
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def day(self) -> int:
        """The world's day, from 0."""
        return self._app.world.day

    def advance(self) -> int:
        """Begin the next day and return its number."""
        return self._app.advance()

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return every record of a stream as of now; numbers with a fraction are Decimals."""
        return [exact.loads(text) for text in self._app.world.records(stream)]

    def served(self) -> list[Served]:
        """Return every record that left in a complete 200 answer, in order."""
        return self._app.log.read()

    def requests(self) -> list[SeenRequest]:
        """Return every request for data so far: method, path, query and status."""
        return self._app.requests()

    @property
    def faults(self) -> list[Fault]:
        """The faults that are set; setting a list replaces them all and counts requests from zero."""
        return self._app.plan.faults()

    @faults.setter
    def faults(self, faults: Sequence[Fault]) -> None:
        self._app.plan.set(faults)


class _Server(ThreadingHTTPServer):
    """A threading server that knows its open connections, so that stopping it need not wait for clients."""

    daemon_threads = False  # so that stop() waits for them
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that went away; show anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        with suppress(OSError):  # wakes the accept loop at once where the system allows it
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # it ended by itself
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
