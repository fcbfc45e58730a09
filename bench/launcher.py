"""A command line becomes a run of it, and on stdout the costs of that: seconds, CPU seconds, peak KiB, exit code.

A process of its own, and a small one: Linux counts the memory of whoever starts a program as that program's first.
"""

import os
import sys
import time

if __name__ == "__main__":
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that there is no shell is as it should be
    _, status, usage = os.wait4(child, 0)
    wall_seconds = time.perf_counter() - began
    print(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
