# ruff: noqa: E501 - each row of the table stays on its line
"""What is refused of parents, partitions and replication: each with what to do about it, where it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_rest_api.config import load_config
from tap_rest_api.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = {"type": "object", "properties": {"id": {}, "at": {}}}
SHOPS = {"name": "shops", "path": "/shops", "primary_key": ["id"], "schema": FIELDS}
KEYLESS = {"name": "shops", "path": "/shops"}
AT = {"key": "at"}
SINCE = {"since": "${sync.start}"}


def child(**options: Any) -> list[dict[str, Any]]:
    return [SHOPS, {"name": "items", "path": "/shops/${parent.id}/items", "parent": "shops", **options}]


def alone(**options: Any) -> list[dict[str, Any]]:
    return [{"name": "items", "path": "/items", **options}]


def dated(params: Any = SINCE, **replication: Any) -> list[dict[str, Any]]:
    return alone(params=params, replication={**AT, **replication})


def split(partitions: Any, **options: Any) -> list[dict[str, Any]]:
    return alone(params={"region": "${partition.region}"}, partitions=partitions, **options)


REFUSED = {
    "no such parent": (child(parent="shop"), 'there is no stream "shop"', "/streams/1/parent", 'did you mean "shops"?'),
    "a ring of parents": (
        [{**SHOPS, "parent": "items"}, {"name": "items", "path": "/items", "parent": "shops"}],
        "the parents form a ring: shops → items → shops", "/streams/0/parent", "",
    ),
    "a kept field that the schema lacks": (
        child(schema=FIELDS, parent={"stream": "shops", "keep": {"shop": "id"}}),
        'the schema does not declare "shop"', "/streams/1/parent/keep/shop", "add \"shop\" to the schema's properties.",
    ),
    "a kept field that the parent lacks": (
        child(parent={"stream": "shops", "keep": {"shop": "idd"}}),
        'the parent\'s schema has no field "idd"', "/streams/1/parent/keep/shop", 'did you mean "id"?',
    ),
    "partitions of other names": (
        split([{"region": "eu"}, {"zone": "us"}]),
        "do not all have the same names", "/streams/0/partitions/1", "give each: region.",
    ),
    "partitions that are one": (
        split([{"region": "eu"}, {"region": "eu"}]), "two partitions cannot be told apart", "/streams/0/partitions", "",
    ),
    "partitions that only a credential tells apart": (
        split([{"region": "eu", "key": "a"}, {"region": "eu", "key": "b"}],
              auth={"type": "bearer", "token": "${partition.key}"}),
        "two partitions cannot be told apart", "/streams/0/partitions", "that is no credential",
    ),
    "partitions that change nothing": (
        alone(partitions=[{"region": "eu"}]),
        "no request depends on the partition", "/streams/0/partitions", "put ${partition.region} where the API expects it.",
    ),
    "read of a parent without replication": (
        child(parent={"stream": "shops", "read": "all"}), '"read" means nothing here', "/streams/1/parent/read", "leave it out.",
    ),
    "a batch that keeps": (
        child(parent={"stream": "shops", "batch": 5, "keep": {"shop": "id"}}),
        "what a batch of parents gives cannot be told apart", "/streams/1/parent/keep", "read one parent at a time",
    ),
    "a batch that the request does not name": (
        child(path="/items", parent={"stream": "shops", "batch": 5}),
        "the request does not name the parents", "/streams/1/parent/batch", "use ${parent.id} in it.",
    ),
    "a batch with an identity": (
        child(parent={"stream": "shops", "batch": 5}, identity=["id"], replication=AT),
        "a batch of parents has no bookmark of its own", "/streams/1/identity", "share one bookmark",
    ),
    "a batch with a state for each": (
        child(parent={"stream": "shops", "batch": 5}, replication={**AT, "state": "partition"}),
        "a batch of parents has no bookmark of its own", "/streams/1/replication/state", "share one bookmark",
    ),
    "an identity of nothing": (
        alone(identity=["id"], replication=AT), "there are no bookmarks to be told apart", "/streams/0/identity", "leave it out",
    ),
    "an identity without bookmarks": (
        split([{"region": "eu"}], identity=["region"]), "there are no bookmarks", "/streams/0/identity", "",
    ),
    "an identity that is a credential": (
        split([{"region": "eu", "key": "a"}], identity=["key"], replication=AT,
              auth={"type": "bearer", "token": "${partition.key}"}),
        '"key" is a credential, and would stand in the STATE', "/streams/0/identity/0", "name what the credentials belong to",
    ),
    "an identity that no partition has": (
        split([{"region": "eu"}], identity=["regoin"], replication=AT),
        'the partitions have no "regoin"', "/streams/0/identity/0", 'did you mean "region"?',
    ),
    "bookmarks below a parent without a key": (
        [KEYLESS, child(replication=AT)[1]], 'the parent "shops" has no "primary_key"', "/streams/1/parent", 'or "identity"',
    ),
    "a server's filter that is not asked": (
        dated(params={}, filter="server"), "the request has no ${sync.start}", "/streams/0/replication/filter", "put ${sync.start}",
    ),
    "a state per parent without one": (
        dated(state="stream"), "state per parent without a parent", "/streams/0/replication/state", 'leave "state" out.',
    ),
    "no such format": (dated(format="unix"), '"unix" is not a format', "/streams/0/replication/format", "one of: iso"),
    "no such zone": (
        dated(timezone="Mars/Olympus"), 'there is no time zone "Mars/Olympus"', "/streams/0/replication/timezone", "Europe/Berlin",
    ),
    "an epoch in a zone": (
        dated(format="epoch", timezone="UTC"), "an epoch has no time zone", "/streams/0/replication/timezone", "leave it out.",
    ),
    "a start that is none": (
        dated(format="epoch", start="long ago"), "start is not a date-time", "/streams/0/replication/start", "2024-01-31",
    ),
    **{
        f"{name} of a month": (
            dated(**{"start": "2024-01-01T00:00:00Z", name: "P1M"}),
            f"{name} is not a duration", f"/streams/0/replication/{name}", "months and years have no fixed length",
        )
        for name in ("lookback", "window", "delay", "granularity")
    },
    **{
        f"{name} of nothing": (
            dated(**{"start": "2024-01-01T00:00:00Z", name: "PT0S"}),
            f"{name} is no time at all", f"/streams/0/replication/{name}", "write it like",
        )
        for name in ("window", "granularity")
    },
    **{
        f"{name} of numbers": (
            dated(start=5, **{name: "PT5M"}),
            f"{name} is a time, but the key is a number", f"/streams/0/replication/{name}", '"format" to epoch',
        )
        for name in ("window", "delay", "granularity")
    },
    **{
        f"{name} without a start": (
            dated(params={}, start="2024-01-01T00:00:00Z", **{name: value}),
            f"{name} is about what the API is asked for", f"/streams/0/replication/{name}", "put ${sync.start}",
        )
        for name, value in (("bounds", "(]"), ("granularity", "P1D"), ("window", "P1D"))
    },
    "reanchor off where nothing is read again": (
        dated(reanchor=False), "pages are read again only where they are sorted, or have a window", "/streams/0/replication/reanchor", "",
    ),
    "reanchor without a key": (
        dated(reanchor=True), "can only be told by a primary key", "/streams/0/replication/reanchor", "add a primary_key.",
    ),
    "reanchor of pages that do not shift": (
        alone(primary_key=["id"], pagination={"type": "none"}, replication={**AT, "reanchor": True}),
        'pagination "none" has nothing to read again', "/streams/0/replication/reanchor", "leave it out",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("streams", "message", "where", "fix"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, streams: list[dict[str, Any]], message: str, where: str, fix: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"base_url": "https://api.example", "streams": streams}))
    with pytest.raises(ConfigError) as caught:
        load_config(str(path), {})
    shown = caught.value.show()
    assert message in shown
    assert where in shown
    assert fix in shown
