"""``lake``: runs a tap into the lake, and shows what is in it."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import click

from lake import (
    keep_commands,
    look_commands,
    page_commands,
    query_commands,
    reject_commands,
    run_commands,
    schedule_commands,
    start_commands,
    state_command,
    status_command,
    zone_commands,
)
from lake.errors import LakeError, Stopped
from lake.options import env_file_option
from lake.terminal import print_error
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    from types import FrameType

_BUG = 1

_COMMANDS = (
    start_commands.init,
    start_commands.check,
    start_commands.schema,
    run_commands.run,
    run_commands.discover,
    state_command.state,
    schedule_commands.schedule,
    status_command.status,
    look_commands.catalog,
    look_commands.show,
    reject_commands.rejects,
    keep_commands.verify,
    query_commands.sql,
    query_commands.export,
    page_commands.page,
    keep_commands.compact,
    keep_commands.expire,
    keep_commands.erase,
    keep_commands.drop,
    zone_commands.build,
    zone_commands.lineage,
)


@click.group(commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@env_file_option
@click.version_option(package_name="rest-datalake", prog_name="lake")
def lake() -> None:
    """Bring the records of a REST API into a data lake, exactly once, and look at them.

    \b
    Example:
      lake run -c config.json
      lake show diaper_reviews
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is


def main() -> None:
    """Run the command, and turn what went wrong into a message and an exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it shows texts that are about to be refused
    try:
        code = lake.main(prog_name="lake", standalone_mode=False)
    except (LakeError, TargetError) as error:
        print_error(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Stopped as order:
        code = 128 + order.number
    except Exception:  # noqa: BLE001 - a bug ends here: shown in full, and never as the user's mistake
        traceback.print_exc()
        code = _BUG
    sys.exit(code)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)


if __name__ == "__main__":
    main()
