"""A program that starts another one by forking, a hundred times faster than by importing everything anew.

It imports `target-datalake` (with the argument ``lake``: `lake`), and then, for each line of JSON on its stdin, forks a
process that runs it with the line's arguments, environment and files. It answers with the child's pid, and when that
has ended, with what `os.waitpid` said. ``"stop": true`` lets the child wait for SIGCONT first, to be traced. A job with
a ``folder`` runs there, and its environment is the whole one; its ``programs`` play the tap's and the target's part.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from importlib import import_module

del sys.path[0]  # this folder, whose lake.py is another
fail_points = import_module("target_datalake.fail_points")

PROGRAM = sys.argv[1]

READERS = ("lake.predicate", "lake.tables", "lake.latest", "lake.scan", "lake.export", "lake.erase", "duckdb", "boto3")

IMPORTED = {
    "lake": ("lake.cli", "lake.zones.builds", "lake.zones.engines", "lake.zones.report", "lake.run", *READERS),
    "target-datalake": ("target_datalake.cli", "target_datalake.run", "target_datalake.s3_storage", "boto3"),
}
"""Each program, and what it imports late, so that no child has to."""

armed = fail_points.arm("", "")


def reach(step: str) -> None:
    """Stand where every module imports `reach` from: it is armed by each child's own environment."""
    armed(step)


def main() -> None:
    fail_points.reach = reach
    if PROGRAM == "target-datalake":
        import_module("target_datalake.lean_start").start_lean()
    for module in IMPORTED[PROGRAM]:
        import_module(module)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run(job)
        say(pid)
        say(os.waitpid(pid, 0)[1])


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def run(job: dict[str, object]) -> None:
    global armed  # noqa: PLW0603 - what an import would have read from the environment
    if "folder" in job:
        os.environ.clear()
        os.chdir(job["folder"])
    os.environ.update(job["env"])
    time.tzset()
    tempfile.tempdir = None
    if "programs" in job:
        programs = import_module("lake.programs")
        programs.PROGRAMS = programs.Programs(*map(tuple, job["programs"]))
    armed = fail_points.arm(os.environ.get("LAKE_FAIL_AT", ""), os.environ.get("LAKE_FAIL_TRACE", ""))
    for descriptor, path, flags in (
        (0, job["stdin"], os.O_RDONLY),
        (1, job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o644), descriptor)
    sys.argv[:] = [PROGRAM, *job["arguments"]]
    if job.get("stop"):
        os.kill(os.getpid(), signal.SIGSTOP)
    code = 1
    try:
        import_module(IMPORTED[PROGRAM][0]).main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
