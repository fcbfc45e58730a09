"""``lake verify``, ``compact``, ``expire`` and ``drop``: the commands that keep a lake in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from lake.completion import dataset_names
from lake.errors import DAMAGED_EXIT_CODE, UnknownDatasetError
from lake.keep_options import chosen_dataset, chosen_streams, confirm, dry_run_option, held, yes_option
from lake.options import config_option, json_option, lake_address, lake_option
from lake.terminal import on_terminal, print_text, to_json

if TYPE_CHECKING:
    from lake.compact import Compacted
    from lake.expire import Expired


@click.command()
@click.argument("name", required=False, shell_complete=dataset_names)
@config_option
@lake_option
@json_option
def verify(*, name: str | None, config: str | None, address: str | None, as_json: bool) -> int:
    """Check every file of the lake, or of one dataset, against the log; exit code 6 if something is wrong.

    \b
    Example:
      lake verify
      lake verify diaper_reviews --json
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import Catalog, open_lake  # their imports are not for --help
    from lake.findings import to_findings_table
    from lake.verify import verify_lake

    place = lake_address(config, address)
    report = verify_lake(open_lake(place)) if name is None else Catalog(place)[name].verify()
    print_text(to_json(report) if as_json else to_findings_table(report, terminal=on_terminal()))
    return DAMAGED_EXIT_CODE if report.findings else 0


@click.command()
@click.argument("name", required=False, shell_complete=dataset_names)
@config_option
@lake_option
@click.option(
    "--target-mb", type=click.IntRange(1, 1024), default=128, show_default=True, help="Merge up to this size."
)
@json_option
def compact(*, name: str | None, config: str | None, address: str | None, target_mb: int, as_json: bool) -> None:
    """Merge the small files of past days into larger ones: the same rows, in the same order.

    \b
    Example:
      lake compact
      lake compact diaper_reviews --target-mb 256
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.compact import compact as merge  # their imports are not for --help
    from lake.keep_tables import to_compact_table

    done: list[Compacted] = []
    for source, streams in chosen_streams(lake_address(config, address), name).items():
        with held(lake_address(config, address), source) as source_held:
            done += merge(source_held, streams, target_mb * 1_000_000)
    print_text(to_json(done) if as_json else to_compact_table(done, terminal=on_terminal()))


@click.command()
@config_option
@lake_option
@click.option("--older-than", default="30d", show_default=True, metavar="AGE", help="An age as 90d, a date, or a time.")
@dry_run_option
@json_option
def expire(*, config: str | None, address: str | None, older_than: str, dry_run: bool, as_json: bool) -> None:
    """Remove old versions of full tables and built datasets, old run records and samples; never the active version.

    Of a dataset that is built, the version before the active one stays too.

    \b
    Example:
      lake expire --dry-run
      lake expire --older-than 90d
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import open_lake  # their imports are not for --help
    from lake.expire import expire as remove
    from lake.expire import plan_expiry, to_expiry_table
    from lake.history import read_histories, read_zone_histories
    from lake.moments import parse_moment

    place = lake_address(config, address)
    before = parse_moment(older_than, datetime.now(UTC), "--older-than")
    storage = open_lake(place)
    gone: list[Expired] = []
    for history in (*read_histories(storage), *read_zone_histories(storage)):
        planned = plan_expiry(storage, history.source, history.commits(), before)
        if planned and not dry_run:
            with held(place, history.source) as source:
                planned = remove(source, before)
        gone += planned
    print_text(to_json(gone) if as_json else to_expiry_table(gone, terminal=on_terminal(), dry_run=dry_run))


@click.command()
@click.argument("name", shell_complete=dataset_names)
@config_option
@lake_option
@yes_option
@dry_run_option
@json_option
def drop(*, name: str, config: str | None, address: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take a dataset out of the lake: its files, its rejected records and its bookmark. It cannot be undone.

    \b
    Example:
      lake drop diaper_reviews --dry-run
      lake drop diaper_reviews --yes
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.catalog import open_lake  # their imports are not for --help
    from lake.drop import drop as remove
    from lake.drop import forget, plan_drop, plan_forget, to_drop_text

    place = lake_address(config, address)
    try:
        source_name, stream = chosen_dataset(place, name)
    except UnknownDatasetError:
        storage = open_lake(place)
        forgotten = plan_forget(storage, name)
        if forgotten is None:
            raise
        plan = forgotten
        if not dry_run:
            forget(storage, name)  # nothing is lost but why it failed
    else:
        with held(place, source_name) as source:
            plan = plan_drop(source, stream)
            if not dry_run:
                if not confirm(f"Drop {plan.dataset} with its {plan.rows:,} rows for good?", yes=yes):
                    return
                plan = remove(source, stream)
    print_text(to_json(plan) if as_json else to_drop_text(plan, dry_run=dry_run))


@click.command()
@click.argument("name", shell_complete=dataset_names)
@click.option("--where", required=True, metavar="SQL", help="A condition on one row, such as: customer_id = 17.")
@click.option("--undecided-too", is_flag=True, help="Erase rejected records too that nobody can tell about.")
@config_option
@lake_option
@yes_option
@dry_run_option
@json_option
def erase(*, name: str, where: str, config: str | None, address: str | None, as_json: bool, **options: bool) -> None:
    """Erase rows for good: from data, rejected records and kept text. It cannot be undone.

    \b
    Example:
      lake erase customers --where "email = 'ann@example.com'" --dry-run
      lake erase customers --where "email = 'ann@example.com'" --yes
    """  # noqa: D301 - \b is click's mark for a paragraph to leave as it is
    from lake.erase import erase as remove  # their imports are not for --help
    from lake.erase import to_erasure_text

    place, too = lake_address(config, address), options["undecided_too"]
    ((source_name, (stream,)),) = chosen_streams(place, name).items()
    with held(place, source_name) as source:
        done = remove(source, stream, where, undecided_too=too, dry_run=True)
        if not options["dry_run"]:
            question = f"Erase {done.rows:,} rows and {done.rejected:,} rejected records of {done.dataset} for good?"
            if not confirm(question, yes=options["yes"]):
                return
            done = remove(source, stream, where, undecided_too=too)
    print_text(to_json(done) if as_json else to_erasure_text(done, dry_run=options["dry_run"]))
