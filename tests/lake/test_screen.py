"""``lake run`` on a real terminal: drawn while it runs, gone at its end, and plain lines anywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from typing import Self

import pytest

from tests.lake.programs import DEADLINE_SECONDS, DISCOVERS, TWO_ORDERS, Stage, eventually

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"

TELLS = """
def tell(line):
    sys.stderr.write(line + "\\n")
    sys.stderr.flush()
def count(records, **tags):
    tags = {"endpoint": "orders", **tags}
    tell("INFO METRIC: " + json.dumps({"type": "counter", "metric": "record_count", "value": records, "tags": tags}))
tell("INFO 2 streams selected, of 3 at https://api.example")
count(2, pages=1, total=1000)
tell("WARNING a thing that \\x1b[31ma person should know")
tell("INFO shops: waiting 3599 s for the rate of 1 request an hour")
"""

WAITS = DISCOVERS + TELLS + TWO_ORDERS + 'wait_for("go")\n'


@pytest.fixture
def stage(tmp_path) -> Stage:
    """A tap that tells how far it is, waits to be let go, and the real target."""
    return Stage(tmp_path, str(tmp_path / "lake"), {}, tap=WAITS, target=None)


class Terminal:
    """A program on a terminal of its own, and all that it has drawn there."""

    def __init__(self, command: list[str], *, typed: bool = True, **environment: str) -> None:
        self.drawn = ""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
        environment = {**kept, "TERM": "xterm-256color", **environment}
        stdin = slave if typed else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=stdin, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self._reader = threading.Thread(target=self._read, args=(master,))
        self._reader.start()

    def _read(self, master: int) -> None:
        with os.fdopen(master, "rb", buffering=0) as screen:
            try:
                while data := screen.read(65536):
                    self.drawn += data.decode("utf-8", "replace")
            except OSError:  # EIO: the last program has left the terminal
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.end()

    def shows(self, text: str) -> None:
        eventually(lambda: text in self.drawn, f"{text!r} is drawn")

    def end(self) -> int:
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code


def terminal(stage: Stage, *arguments: str, **options) -> Terminal:
    return Terminal(stage.command("run", "-c", str(stage.config), *arguments), **options)


def test_a_run_is_drawn_while_it_goes_on_and_summed_up_at_its_end(stage):
    with terminal(stage) as screen:
        screen.shows("2 of 1,000")
        screen.shows(" min: the rate of 1 request an hour")
        stage.let("go")
        assert screen.end() == 0
    assert HIDDEN in screen.drawn
    assert screen.drawn.rindex(SHOWN) > screen.drawn.rindex(HIDDEN)
    end = screen.drawn[screen.drawn.rindex(SHOWN) :]
    assert "succeeded: commit 1." in end
    assert "METRIC" not in screen.drawn
    assert "streams selected" not in screen.drawn


def test_a_warning_stands_above_and_cannot_steer_the_terminal(stage):
    stage.let("go")
    with terminal(stage) as screen:
        assert screen.end() == 0
    assert "WARNING a thing that \\x1b[31ma person should know" in screen.drawn


def test_without_colour_there_is_none(stage):
    stage.let("go")
    with terminal(stage, NO_COLOR="1") as screen:
        assert screen.end() == 0
    assert HIDDEN in screen.drawn
    assert not any(f"\x1b[{code}m" in screen.drawn for code in (*range(30, 50), *range(90, 108), "1;31"))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [(["--quiet"], {}), (["--log-level", "info"], {}), ([], {"TERM": "dumb"}), ([], {"typed": False})],
    ids=["quiet", "a log level is asked for", "a terminal that cannot be drawn on", "a scheduler's job"],
)
def test_where_nothing_is_to_be_drawn_nothing_is(stage, arguments, options):
    stage.let("go")
    with terminal(stage, *arguments, **options) as screen:
        assert screen.end() == 0
    assert HIDDEN not in screen.drawn
    assert "METRIC" in screen.drawn  # the small tap knows no level


def test_off_a_terminal_lines_are_plain(stage):
    stage.let("go")
    done = stage.run()
    assert done.returncode == 0
    assert "INFO METRIC" in done.stderr
    assert "\x1b[?25" not in done.stderr + done.stdout


def test_a_failure_s_message_stays_on_the_screen(stage):
    stage.tap = DISCOVERS + TELLS + 'tell("Error: the API refused"); sys.exit(4)\n'
    with terminal(stage) as screen:
        assert screen.end() == 4
    assert "Error: the API refused" in screen.drawn
    assert SHOWN in screen.drawn


def test_an_interrupted_run_gives_the_terminal_back(stage):
    with terminal(stage) as screen:
        screen.shows("2 of 1,000")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
    assert screen.drawn.rindex(SHOWN) > screen.drawn.rindex(HIDDEN)


def test_a_flood_of_lines_does_not_hold_the_run_up(stage):
    stage.tap = DISCOVERS + TELLS + TWO_ORDERS + "for n in range(20_000): count(1)\n" + 'tell("x" * 300_000)\n'
    with terminal(stage) as screen:
        assert screen.end() == 0
    assert "succeeded: commit 1." in screen.drawn
