from __future__ import annotations

import os
import signal

from tap_rest_api.stdout import Stdout


def test_a_signal_that_comes_in_a_finalizer_ends_the_run_all_the_same():
    """An exception from the handler was swallowed there: the tap went on, or left a traceback at its end."""
    ended: list[int] = []
    stdout = Stdout(1, ended.append)

    class Finalized:
        def __del__(self) -> None:
            stdout.interrupt(signal.SIGTERM)

    thing = Finalized()
    del thing
    assert ended == [143]


def test_a_second_signal_while_a_chunk_is_written_ends_it_with_the_first_ones_code():
    reader, writer = os.pipe()
    ended: list[int] = []
    stdout = Stdout(writer, ended.append)
    stdout._is_writing = True
    try:
        stdout.interrupt(signal.SIGINT)
        assert ended == []
        stdout.interrupt(signal.SIGTERM)
        assert ended == [130]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.close(reader)
        os.close(writer)
