"""The machine becomes the lines that say what was measured on, and with what."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("pyarrow", "msgspec", "requests", "urllib3", "jsonschema-rs")


def describe_machine() -> list[str]:
    """Return what a reader needs to compare figures with other machines."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}, {libraries}",
    ]


def load() -> float:
    """Return how many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
