"""What a shell wants to complete becomes the datasets' names that begin so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from target_datalake.errors import TargetError

if TYPE_CHECKING:
    import click


def dataset_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of datasets that begin with a text; none where the lake cannot be read.

    A shell asks at a press of a key: nothing may be printed then, whatever is wrong.
    """
    from lake.catalog import Catalog  # their imports are not for --help
    from lake.project import find_config

    named = context.params.get("address") or context.params.get("config")
    try:
        return [name for name in Catalog(named or find_config(Path.cwd())) if name.startswith(incomplete)]
    except (LakeError, TargetError):
        return []
