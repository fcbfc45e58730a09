"""What the two programs of a run do to each other, and what this process does about it."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from lake import pipe
from lake.errors import StartError, Stopped
from lake.pipe import PipeEnd, Signalled, run_pipe, signals_as_events
from tests.lake.programs import ENDLESS, READS_ALL, Stage, is_gone


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path, str(tmp_path / "lake"), {})


def play(stage: Stage) -> PipeEnd:
    programs = stage.programs
    with signals_as_events() as events:
        return run_pipe(
            programs.tap,
            lambda status: [*programs.target, "--tap-status-fd", str(status)],
            inherited=(),
            events=events,
        )


@pytest.mark.parametrize(
    ("codes", "number", "expected"),
    [
        pytest.param({"tap": 0, "target": 0}, None, 0, id="both succeed"),
        pytest.param({"tap": 4, "target": 0}, None, 4, id="the tap fails"),
        pytest.param({"tap": 4, "target": 143}, None, 4, id="the tap fails first"),
        pytest.param({"tap": 0, "target": 6}, None, 6, id="the target fails after the tap's end"),
        pytest.param({"target": 6, "tap": 143}, None, 6, id="the target fails, and we end the tap"),
        pytest.param({"target": 6, "tap": 0}, None, 6, id="the target fails while the tap succeeds"),
        pytest.param({"tap": 141, "target": 6}, None, 6, id="the tap meets the pipe of a target that failed"),
        pytest.param({"tap": 141, "target": 0}, None, 141, id="the tap meets a closed pipe all the same"),
        pytest.param({"target": 0, "tap": 143}, None, 143, id="the target leaves early, and we end the tap"),
        pytest.param({"target": 0, "tap": 0}, None, 1, id="the target leaves early with nothing read"),
        pytest.param({"tap": 0, "target": 0}, 15, 143, id="a signal, whatever the two say"),
        pytest.param({"tap": 130, "target": 130}, 2, 130, id="an interrupt"),
    ],
)
def test_the_exit_code_is_that_of_the_side_that_failed_first(codes, number, expected):
    assert PipeEnd(codes, number).exit_code == expected


def test_the_target_reads_all_that_the_tap_writes_and_learns_that_it_succeeded(stage):
    stage.tap = "sys.stdout.buffer.write(b'x' * 3_000_001)"
    assert play(stage).exit_code == 0
    told = stage.told("target")
    assert (told["bytes"], told["status"]) == (3_000_001, "0")


@pytest.mark.parametrize(
    ("tap", "code"),
    [
        pytest.param("sys.exit(4)", 4, id="with an exit code"),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", 137, id="by a signal"),
        pytest.param("raise SystemExit(4)", 4, id="before it wrote anything"),
    ],
)
def test_the_target_learns_how_the_tap_failed(stage, tap, code):
    stage.tap = f"say(a=1)\n{tap}"
    assert play(stage).codes == {"tap": code, "target": 0}
    assert stage.told("target")["status"] == str(code)


def test_the_target_dies_first_and_the_tap_is_ended(stage):
    stage.tap, stage.target = ENDLESS, "wait_for('tap')\nsys.exit(6)"
    end = play(stage)
    assert end.exit_code == 6
    assert is_gone(int((stage.folder / "tap").read_text()))


def test_a_tap_that_fails_for_want_of_a_reader_does_not_hide_why_the_target_ended(stage, monkeypatch):
    watch = pipe._watch

    def late_for_the_target(side, *others):
        if side == "target":
            time.sleep(1)
        watch(side, *others)

    monkeypatch.setattr(pipe, "_watch", late_for_the_target)
    stage.tap, stage.target = ENDLESS, "wait_for('tap')\nsys.exit(6)"
    end = play(stage)
    assert (next(iter(end.codes)), end.exit_code) == ("target", 6)


def test_a_tap_that_does_not_write_is_ended_too(stage):
    stage.tap, stage.target = "ready('tap')\nsignal.pause()", "wait_for('tap')\nsys.exit(6)"
    assert list(play(stage).codes.items()) == [("target", 6), ("tap", 143)]


def test_a_tap_that_ignores_sigterm_is_killed(stage, monkeypatch):
    monkeypatch.setattr(pipe, "TAP_GRACE_SECONDS", 0.1)
    stage.tap = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nready('tap')\nsignal.pause()\nsignal.pause()"
    stage.target = "wait_for('tap')\nsys.exit(6)"
    assert list(play(stage).codes.items()) == [("target", 6), ("tap", 137)]


def test_a_tap_that_closes_its_output_but_goes_on_is_waited_for(stage):
    """The target must not commit what a tap may yet say was wrong."""
    stage.tap = "os.close(1)\nready('closed')\nwait_for('go')\nsys.stdout = None\nos._exit(4)"
    stage.target = "sys.stdin.read()\nready('go')\n" + READS_ALL
    assert play(stage).exit_code == 4
    assert stage.told("target")["status"] == "4"


def test_neither_program_holds_what_is_not_its_own(stage):
    """A status pipe whose other end the tap held would never end; a lock the tap held would outlive the target."""
    lists = "sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n))"
    stage.tap = f"ready('tap', json.dumps({lists}))"
    stage.target = f"ready('fds', json.dumps([{lists}, int(option('--tap-status-fd'))]))\n{READS_ALL}"
    read, write = os.pipe()
    try:
        programs = stage.programs
        with signals_as_events() as events:
            run_pipe(
                programs.tap,
                lambda status: [*programs.target, "--tap-status-fd", str(status)],
                inherited=[read],
                events=events,
            )
    finally:
        os.close(read)
        os.close(write)
    own, status = stage.told("fds")
    assert stage.told("tap") == [0, 1, 2]
    assert own == sorted([0, 1, 2, read, status])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_programs(stage, number):
    """An interrupt comes to them as SIGTERM, so that one still importing does not answer with a traceback."""
    catches = (
        "signal.signal(signal.SIGTERM, lambda n, f: (ready('{0}-caught'), sys.exit(9)))\nready('{0}')\nsignal.pause()"
    )
    stage.tap = f"wait_for('target')\n{catches.format('tap')}"
    stage.target = catches.format("target")
    programs = stage.programs
    sender = f"wait_for('tap')\nos.kill({os.getpid()}, {int(number)})"
    with signals_as_events() as events, subprocess.Popen(stage._command("sender.py", sender)):
        end = run_pipe(programs.tap, lambda _: programs.target, inherited=(), events=events)
    assert end.exit_code == 128 + number
    assert (stage.folder / "tap-caught").exists()
    assert (stage.folder / "target-caught").exists()


def test_programs_that_ignore_a_signal_are_killed_in_the_end(stage, monkeypatch):
    monkeypatch.setattr(pipe, "STOP_GRACE_SECONDS", 0.1)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nready('{0}')\nwhile True: signal.pause()"
    stage.tap, stage.target = f"wait_for('target')\n{stubborn.format('tap')}", stubborn.format("target")
    programs = stage.programs
    with signals_as_events() as events:
        sender = f"wait_for('tap')\nfor _ in range(2): os.kill({os.getpid()}, signal.SIGTERM)"
        with subprocess.Popen(stage._command("sender.py", sender)):
            end = run_pipe(programs.tap, lambda _: programs.target, inherited=(), events=events)
    assert end.exit_code == 143
    assert end.codes == {"tap": 137, "target": 137}


def test_a_signal_that_nobody_took_stops_this_process_afterwards():
    with pytest.raises(Stopped) as caught, signals_as_events():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.number == signal.SIGTERM


def test_signals_are_given_back_to_whom_they_belonged():
    before = signal.getsignal(signal.SIGTERM)
    with signals_as_events() as events:
        os.kill(os.getpid(), signal.SIGTERM)
        assert events.get(timeout=30) == Signalled(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_program_that_cannot_be_started_leaves_none_running(stage):
    stage.target = "ready('target', str(os.getpid()))\nsys.stdin.read()"
    programs = stage.programs
    with signals_as_events() as events, pytest.raises(StartError):
        run_pipe([str(stage.folder / "nothing")], lambda _: programs.target, inherited=(), events=events)
