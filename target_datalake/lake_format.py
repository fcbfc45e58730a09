"""The version of a lake's layout, checked before anything is read and written before anything lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_datalake import layout
from target_datalake.errors import ConfigError, NotFoundError, StorageError

if TYPE_CHECKING:
    from target_datalake.storage import Storage


class _Format(msgspec.Struct, frozen=True):
    layout: int


def check_format(storage: Storage, *, write: bool) -> None:
    """Check that this program knows the lake's layout.

    A reader reads older layouts as they are. A writer (`write`) notes its own layout in a new lake, and in one that an
    older program wrote: from then on that older program refuses it rather than misread what is added.

    Raises:
        ConfigError: A newer program wrote the lake.
        StorageError: The file that says so is damaged.
    """
    found = _read_version(storage)
    if found is not None and found > layout.FORMAT_VERSION:
        raise ConfigError(
            f"this lake has layout {found}, this program knows up to {layout.FORMAT_VERSION}",
            where=f"{storage.uri}/{layout.FORMAT_KEY}",
            fix="install a newer rest-datalake",
        )
    if write and found != layout.FORMAT_VERSION:
        storage.put(layout.FORMAT_KEY, msgspec.json.encode(_Format(layout.FORMAT_VERSION)) + b"\n")


def _read_version(storage: Storage) -> int | None:
    try:
        return msgspec.json.decode(storage.read(layout.FORMAT_KEY), type=_Format).layout
    except NotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise StorageError(
            "the lake's format file is damaged",
            where=f"{storage.uri}/{layout.FORMAT_KEY}",
            fix=f'it should hold {{"layout": {layout.FORMAT_VERSION}}}',
        ) from error
