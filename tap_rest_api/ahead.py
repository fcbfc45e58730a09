"""Turns a call into a Future, run by one thread behind the scenes."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Worker:
    """One daemon thread that runs calls in order.

    A `ThreadPoolExecutor` would be joined when the interpreter ends, so that a stalled server could hold up
    the end of a signalled run for as long as its read timeout. A daemon thread just goes.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="fetch", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call; its result or exception comes out of the Future."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is raised again, by whoever asks for the result
                future.set_exception(error)

        self._calls.put(run)
        return future

    def _run(self) -> None:
        while True:
            self._calls.get()()
