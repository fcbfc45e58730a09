"""What went wrong, or is right again, becomes word to somebody: a command that is run, or a webhook.

Whoever tells must not fail for it: what goes wrong here is a warning, and the run keeps its exit code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from lake.errors import UsageError
from target_datalake import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lake.project import Project

DEFAULT_EVENTS = ("failure", "stale")

DEFAULT_TIMEOUT_SECONDS = 10.0

_MAX_VARIABLE = 4096
"""Characters of the text that go into a variable of the environment, which cannot hold everything; stdin can."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is told, as JSON. It holds no record's value, no secret and no command line.

    Attributes:
        event: ``failure``, ``recovery`` or ``stale``.
        text: It in a sentence; chat programs show this member.
        lake: The lake's address.
        source: The source's name.
        exit_code: What the run or build exited with; None for ``stale``.
        entry: The schedule's entry that started it; empty where none did.
        run: The run's record, where one was kept.
        datasets: What is stale, or was: each dataset with its age and what is expected of it. Of a build: what failed,
            or no longer does, with the error.
    """

    event: str
    text: str
    lake: str
    source: str
    exit_code: int | None = None
    entry: str = ""
    run: dict[str, Any] | None = None
    datasets: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Notifier:
    """Whom to tell, and of what.

    Attributes:
        command: A program and its arguments; empty for none.
        webhook: An http address; empty for none.
        on: The events to tell of.
        timeout_seconds: How long the program, or each request, may take.
        folder: Where the program runs: the configuration's folder.
    """

    command: tuple[str, ...]
    webhook: str
    on: frozenset[str]
    timeout_seconds: float
    folder: Path


def load_notifier(project: Project) -> Notifier | None:
    """Return whom a project wants to be told; None for nobody.

    Raises:
        ConfigError: A variable of the environment is not set.
        UsageError: It names neither a command nor a webhook, or an address that is none.
    """
    if not project.notify:
        return None
    where = f"{project.config_path} /lake/notify"
    section = config.expand(project.notify, str(project.config_path), "/lake/notify")
    if not section.get("command") and not section.get("webhook"):
        fix = 'add "command": ["./alert.sh"], or "webhook": "${env.WEBHOOK_URL}"'
        raise UsageError("nobody is named to be told", where=where, fix=fix)
    webhook = section.get("webhook", "")
    if webhook and not _is_address(webhook):
        fix = "it begins with https:// or http:// and a host"
        raise UsageError("this is no address of a webhook", where=f"{where}/webhook", fix=fix)
    return Notifier(
        command=tuple(section.get("command", ())),
        webhook=webhook,
        on=frozenset(section.get("on", DEFAULT_EVENTS)),
        timeout_seconds=section.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
        folder=project.config_path.absolute().parent,
    )


def tell(notifier: Notifier, notice: Notice, warn: Callable[[str], None]) -> bool:
    """Tell of an event that is asked for; return whether everybody who is to know does, or nobody is to.

    Args:
        notifier: Whom.
        notice: What.
        warn: Told what went wrong on the way.
    """
    if notice.event not in notifier.on:
        return True
    document = msgspec.json.encode(notice)
    problems = []
    if notifier.command:
        problems.append(_run(notifier, notice, document))
    if notifier.webhook:
        from lake.schedule.webhook import post  # requests takes 100 ms, and most runs have nothing to tell

        problems.append(post(notifier.webhook, document, notifier.timeout_seconds))
    for problem in filter(None, problems):
        warn(f"Warning: nobody was told of the {notice.event} of {notice.source!r}: {problem}")
    return not any(problems)


def _run(notifier: Notifier, notice: Notice, document: bytes) -> str:
    """Run the command; return what went wrong, or nothing. It is killed, with all it started, when its time is over."""
    told = {"LAKE_EVENT": notice.event, "LAKE_SOURCE": notice.source, "LAKE_TEXT": notice.text[:_MAX_VARIABLE]}
    code = {} if notice.exit_code is None else {"LAKE_EXIT_CODE": str(notice.exit_code)}
    try:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            notifier.command,
            cwd=notifier.folder,
            env={**os.environ, **told, **code},
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a NUL"
        return f"the command {notifier.command[0]!r} cannot be started: {reason}"
    try:
        process.communicate(document, timeout=notifier.timeout_seconds)
    except subprocess.TimeoutExpired:
        return f"the command {notifier.command[0]!r} took longer than {notifier.timeout_seconds:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    ended = process.returncode
    return f"the command {notifier.command[0]!r} exited with {ended}" if ended else ""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
