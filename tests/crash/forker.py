"""A program that starts the target by forking, a hundred times faster than by importing everything anew.

It imports the libraries, none of our own code, and then, for each line of JSON on its stdin, forks a process that runs
`target-datalake` (with ``"program": "lake"``: `lake`) with the line's arguments, environment and files. It answers with
the child's pid, and when that has ended, with what `os.waitpid` said. ``"stop": true`` lets the child wait for SIGCONT
first, to be traced.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import boto3  # noqa: F401 - so that no child has to
import click  # noqa: F401
import jsonschema_rs  # noqa: F401
import msgspec  # noqa: F401
import pyarrow.compute
import pyarrow.parquet  # noqa: F401


def main() -> None:
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
    os.environ.update(job["env"])
    for descriptor, path, flags in (
        (0, job["stdin"], os.O_RDONLY),
        (1, job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o644), descriptor)
    program = job.get("program", "target-datalake")
    sys.argv[:] = [program, *job["arguments"]]
    if program == "lake":
        del sys.path[0]  # this folder, whose lake.py is another
        from lake import cli  # after the fork, so that it sees the environment
    else:
        from target_datalake import cli, run, target  # noqa: F401 - the same

    if job.get("stop"):
        os.kill(os.getpid(), signal.SIGSTOP)
    code = 1
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
