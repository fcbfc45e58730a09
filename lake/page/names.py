"""A dataset's full name becomes the name of its page's file, and the address of a link to it."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from target_datalake import layout
from target_datalake.errors import ConfigError

FOLDER = "datasets"

_KEPT_CHARACTERS = 12
"""Of a name that is too long for a file: what stands before its digest."""


def page_path(name: str) -> str:
    """Return the path of a dataset's page within the site, with ``/``. No two names share one, and none leaves it.

    A name that is longer than file systems take is cut, and ends in ``~`` and its sha256: no other name has a ``~``
    once encoded.
    """
    try:
        encoded = layout.encode_name(name)
    except ConfigError:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        encoded = f"{layout.encode_name(name[:_KEPT_CHARACTERS])}~{digest}"
    return f"{FOLDER}/{encoded}.html"


def to_href(path: str) -> str:
    """Return a path as a link's address holds it: the ``%`` of a file's name is no escape there."""
    return quote(path)
