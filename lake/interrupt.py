"""A signal ends what DuckDB is doing: Python's own handlers wait until it returns, which may take hours."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


@contextmanager
def interrupted_by_signals(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt a connection when SIGTERM or SIGINT comes, after which their handlers have their turn.

    Python writes each signal that it handles into a socket at once, and a thread waits for that. Outside the main
    thread, which alone may ask for this, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    try:
        with _watching(connection, caught):
            yield
    except Exception:
        if caught:  # DuckDB may have run the handler, and made an error of its own of what that raised
            signal.raise_signal(caught[0])
        raise


@contextmanager
def _watching(connection: duckdb.DuckDBPyConnection, caught: list[int]) -> Iterator[None]:
    told, teller = socket.socketpair()
    teller.setblocking(False)  # noqa: FBT003 - its own signature
    before = signal.set_wakeup_fd(teller.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(told, connection, caught), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        teller.close()
        watcher.join()
        told.close()


def _watch(told: socket.socket, connection: duckdb.DuckDBPyConnection, caught: list[int]) -> None:
    while number := told.recv(1):
        if number[0] in _SIGNALS:
            caught.append(number[0])
            connection.interrupt()
