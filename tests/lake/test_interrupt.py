"""A query that would never end is ended by a signal, with whatever its handler raises."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from lake.errors import QueryError, Stopped
from lake.sandbox import sandbox

ENDLESS = (
    "SELECT count(*) FROM range(100000000) AS a, range(100000000) AS b",
    "SELECT sum(a.range * b.range) FROM range(1000000000) AS a, range(100000) AS b WHERE a.range % 7 = b.range % 3",
)


def stop(number, _frame):
    raise Stopped(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("query", ENDLESS, ids=["counts", "adds up"])
def test_a_signal_ends_an_endless_query(number, query):
    handler = signal.signal(number, stop)
    timer = threading.Timer(0.5, os.kill, [os.getpid(), number])
    try:
        timer.start()
        with pytest.raises(Stopped) as stopped, sandbox({}) as connection:
            connection.sql(query).fetchall()
    finally:
        signal.signal(number, handler)
    assert stopped.value.number == number
    assert signal.set_wakeup_fd(-1) == -1  # as it was


def test_a_query_that_fails_by_itself_is_still_a_mistake_in_it():
    with pytest.raises(QueryError, match="nowhere"), sandbox({}) as connection:
        connection.sql("SELECT * FROM nowhere")


def test_another_thread_may_ask_too():
    answers = []

    def ask():
        with sandbox({}) as connection:
            answers.extend(connection.sql("SELECT 42").fetchall())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(60)
    assert answers == [(42,)]
