"""Turns a call into a Future, run by one of a few threads behind the scenes."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Workers:
    """Daemon threads that run calls, begun in order; a thread is started only when all the others are busy.

    A `ThreadPoolExecutor` would be joined when the interpreter ends, so that a stalled server could hold up
    the end of a signalled run for as long as its read timeout. Daemon threads just go.

    Args:
        most: How many threads there may be: so many calls run at a time.
    """

    def __init__(self, most: int = 1) -> None:
        self._most, self._started = most, 0
        self._idle = threading.Semaphore(0)
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call; its result or exception comes out of the Future. One that is cancelled in time never runs."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is raised again, by whoever asks for the result
                future.set_exception(error)

        self._calls.put(run)
        if not self._idle.acquire(blocking=False) and self._started < self._most:
            self._started += 1
            threading.Thread(target=self._run, name=f"fetch-{self._started}", daemon=True).start()
        return future

    def _run(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()
