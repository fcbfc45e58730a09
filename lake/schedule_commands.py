"""``lake schedule``: starts runs and builds when they are due."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.errors import UsageError
from lake.options import check_apart, env_file_arguments, env_file_option, open_project
from lake.terminal import print_notice, print_text

if TYPE_CHECKING:
    from lake.schedule.children import Ended
    from lake.schedule.loop import Job, Watch


@click.command()
@click.option("-c", "--config", "configs", multiple=True, metavar="FILE", help="Repeat it to schedule several sources.")
@env_file_option
@click.option("--once", is_flag=True, help="Run what is due, then leave: for cron or Kubernetes.")
@click.option("--crontab", is_flag=True, help="Print crontab lines instead, and run nothing.")
def schedule(*, configs: tuple[str, ...], once: bool, crontab: bool) -> int:
    """Start runs and builds when their time has come, a file has arrived, or rows have landed.

    \b
    Example:
      lake schedule -c config.json
      lake schedule -c shop.json -c crm.json --once
      lake schedule --crontab
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    if once and crontab:
        raise UsageError("--once and --crontab contradict each other", where="--once", fix="leave one of them out")
    check_apart(configs)
    projects = [open_project(config) for config in configs or (None,)]
    if crontab:
        from lake.schedule.children import lake_command  # their imports are not for --help
        from lake.schedule.crontab import find_local_zone, to_crontab
        from lake.schedule.watches import load_schedules

        entries = [entry for _, found in load_schedules(projects) for entry in found]
        print_text(to_crontab(entries, [*lake_command(), *env_file_arguments()], find_local_zone(os.environ)))
        return 0
    from lake.schedule.children import real_world
    from lake.schedule.loop import STOP_GRACE_SECONDS, Scheduler
    from lake.schedule.watches import open_watches

    with open_watches(projects) as watches, real_world(STOP_GRACE_SECONDS) as world:
        if not once:
            _announce(watches)
        return Scheduler(watches, world, _say, _tell_of_failure, once=once).run()


def _announce(watches: list[Watch]) -> None:
    for watch in watches:
        for entry in watch.entries:
            _say(f"{watch.title}: {entry.name}: {entry.trigger}")


def _say(text: str) -> None:
    print_notice(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")


def _tell_of_failure(job: Job, end: Ended) -> None:
    """Tell of a job that cannot tell of itself; in a thread, so that the schedule goes on meanwhile."""
    from lake.schedule.job_notices import tell_of_job  # its imports are not for --help

    threading.Thread(target=tell_of_job, args=(job, end, _say), daemon=False).start()
