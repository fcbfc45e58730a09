"""Makes each error of docs/troubleshooting.md happen, in a folder and against an API of its own."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import click

from lake import cli
from lake.errors import LakeError
from target_datalake import layout
from target_datalake.errors import TargetError
from target_datalake.stores import open_storage
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace
from tests.tap.fake_api import FakeApi, Reply
from tests.tap.tap import run_tap
from tests.target.world import World, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NO_WAIT = {"retries": 0, "max_wait": "PT0S"}


class Shown(NamedTuple):
    """What a person reads on stderr, and the exit code."""

    text: str
    exit_code: int


@dataclass
class Desk:
    """A project's folder, in which things go wrong."""

    folder: Path

    @property
    def place(self) -> LakePlace:
        return LakePlace("local", str(self.folder / "lake"))

    def write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")

    def configure(self, target: Mapping[str, Any] | None = None, **sections: Any) -> None:
        """Write a configuration: its target, and other sections."""
        self.write("config.json", {"target": {"path": "./lake", "source": "shop", **(target or {})}, **sections})

    def land(self, count: int = 3) -> None:
        """Have orders in the lake."""
        LakeWriter(self.place).commit(Part(numbered(*range(count))))

    def lake(self, *arguments: str) -> Shown:
        """Type a command."""
        printed = io.StringIO()
        with chdir(self.folder), redirect_stdout(printed), redirect_stderr(printed):
            try:
                code = cli.lake.main(arguments, prog_name="lake", standalone_mode=False)
            except (LakeError, TargetError) as error:
                return Shown(error.show(), error.exit_code)
            except click.ClickException as error:
                return Shown(f"Error: {error.format_message()}", error.exit_code)
        return Shown(printed.getvalue(), code or 0)

    def tap(
        self,
        reply: Reply | Callable[[Any], Reply],
        catalog: Any = None,
        api: Mapping[str, Any] | None = None,
        **stream: Any,
    ) -> Shown:
        """Have the tap read one stream of an API that answers like this."""
        route = reply if callable(reply) else lambda _: reply
        with FakeApi(route) as server:
            section = {"base_url": server.url, "limits": NO_WAIT, **(api or {})}
            section["streams"] = [{"name": "orders", "path": "/orders", **stream}]
            outcome = run_tap(self.folder, {"tap": section}, catalog=catalog)
        assert outcome.error is not None
        return Shown(outcome.error.show(), outcome.error.exit_code)

    def target(self, *lines: str, **options: Any) -> Shown:
        """Feed the target."""
        try:
            World(self.place, self.folder).run(*lines, **options)
        except TargetError as error:
            return Shown(error.show(), error.exit_code)
        raise AssertionError("the target took it")


def page(*records: Any, **more: Any) -> Reply:
    return Reply({"data": list(records), **more})


def catalog_of(stream: str, *, selected: bool = True) -> dict[str, Any]:
    metadata = [{"breadcrumb": [], "metadata": {"selected": selected}}]
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    return {"streams": [{"tap_stream_id": stream, "stream": stream, "schema": schema, "metadata": metadata}]}


def no_configuration(desk: Desk) -> Shown:
    return desk.lake("run")


def not_json(desk: Desk) -> Shown:
    desk.write("config.json", '{\n  "target": {"path": ./lake}\n}\n')
    return desk.lake("run")


def unknown_key(desk: Desk) -> Shown:
    return desk.tap(page(), primary_keys=["id"])


def variable_not_set(desk: Desk) -> Shown:
    return desk.tap(page(), api={"auth": {"type": "bearer", "token": "${env.SHOP_TOKEN}"}})


def environment_file(desk: Desk) -> Shown:
    desk.configure()
    desk.write("secrets.env", "SHOP_TOKEN = abc\n")
    return desk.lake("run", "--env-file", "secrets.env")


def catalog_of_another(desk: Desk) -> Shown:
    return desk.tap(page(), catalog=catalog_of("order"))


def nothing_selected(desk: Desk) -> Shown:
    desk.configure(tap={"command": [sys.executable], "config": {}})
    desk.write("catalog.json", catalog_of("orders", selected=False))
    return desk.lake("run")


def unauthorized(desk: Desk) -> Shown:
    return desk.tap(Reply({"error": "invalid token"}, 401), api={"auth": {"type": "bearer", "token": "abcdef"}})


def forbidden(desk: Desk) -> Shown:
    return desk.tap(Reply({"error": "no such scope"}, 403))


def not_found(desk: Desk) -> Shown:
    return desk.tap(Reply({"error": "no such path"}, 404))


def token_refused(desk: Desk) -> Shown:
    with FakeApi(lambda _: Reply({"error": "invalid_client"}, 401)) as server:
        auth = {"type": "oauth2", "grant": "client_credentials", "token_url": f"{server.url}/token"}
        return desk.tap(page(), api={"auth": {**auth, "client_id": "shop-reader", "client_secret": "s3cret-thing"}})


def too_many(desk: Desk) -> Shown:
    return desk.tap(Reply({"error": "slow down"}, 429))


def unreachable(desk: Desk) -> Shown:
    with FakeApi(lambda _: page()) as gone:
        url = gone.url
    return desk.tap(page(), api={"base_url": url})


def no_records(desk: Desk) -> Shown:
    return desk.tap(Reply({"meta": {}, "results": [{"id": 1}]}), records="data.items")


def html(desk: Desk) -> Shown:
    return desk.tap(Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}))


def same_cursor(desk: Desk) -> Shown:
    pages = iter(range(9))
    way = {"type": "cursor", "next": "next", "param": "cursor"}
    return desk.tap(lambda _: page({"id": next(pages)}, next="abc"), records="data", pagination=way)


def elsewhere(desk: Desk) -> Shown:
    way = {"type": "link", "next": "next"}
    return desk.tap(page({"id": 1}, next="https://cdn.shop.example/orders?page=2"), records="data", pagination=way)


def out_of_order(desk: Desk) -> Shown:
    records = ({"id": 1, "at": "2026-01-02T00:00:00Z"}, {"id": 2, "at": "2026-01-01T00:00:00Z"})
    return desk.tap(page(*records), replication={"key": "at", "sorted": "asc"})


def too_many_rejected(desk: Desk) -> Shown:
    flawed = [record(f"A-{number}") for number in range(20)]
    return desk.target(schema(), *map(record, range(80)), *flawed, state(1))


def schema_conflict(desk: Desk) -> Shown:
    World(desk.place, desk.folder).run(schema(), record(1), state(1))
    text = {"type": "object", "properties": {"id": {"type": "string"}}}
    return desk.target(schema(document=text), record("A-1"), state(2))


def log_on_stdout(desk: Desk) -> Shown:
    return desk.target("INFO fetching page 1")


def held(desk: Desk) -> Shown:
    desk.configure(tap={"command": [sys.executable], "config": {}})
    desk.write("catalog.json", catalog_of("orders"))
    lock = open_storage(desk.place.path, scratch="shop").lock(layout.lock_key("shop"))
    assert lock is not None
    with lock:
        return desk.lake("run")


def unwritable(desk: Desk) -> Shown:
    desk.write("lake", "a file, where the lake's folder should be")
    return desk.target(schema(), record(1), state(1))


def no_program(desk: Desk) -> Shown:
    desk.configure(tap={"command": ["./venvs/tap-csv/bin/tap-csv"], "config": {}})
    return desk.lake("run")


def tap_fails(desk: Desk) -> Shown:
    desk.write("tap.py", "import sys\nsys.exit('the password has expired')\n")
    desk.configure(tap={"command": [sys.executable, "tap.py"], "config": {}})
    desk.write("catalog.json", catalog_of("orders"))
    return desk.lake("run")


def damaged_file(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    (file,) = desk.folder.glob("lake/landing/shop/orders/*/*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    return desk.lake("show", "orders")


def s3(desk: Desk, status: int, code: str) -> Shown:
    """Open a lake in a store that answers everything with an error."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    with FakeApi(lambda _: Reply(body, status, {"Content-Type": "application/xml"})) as store:
        options = {"endpoint_url": store.url, "region": "eu-central-1", "max_attempts": 1}
        desk.configure({"path": "s3://my-lake/shop", "s3": options})
        with patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cret-thing"}):
            return desk.lake("catalog")


def no_bucket(desk: Desk) -> Shown:
    return s3(desk, 404, "NoSuchBucket")


def s3_denied(desk: Desk) -> Shown:
    return s3(desk, 403, "AccessDenied")


def s3_wrong_key(desk: Desk) -> Shown:
    return s3(desk, 403, "SignatureDoesNotMatch")


def no_s3_credentials(desk: Desk) -> Shown:
    desk.configure({"path": "s3://my-lake/shop"})
    return desk.lake("catalog")


def no_lake(desk: Desk) -> Shown:
    desk.configure()
    return desk.lake("catalog")


def no_dataset(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    return desk.lake("show", "order")


def no_column(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    return desk.lake("sql", "SELECT nmae FROM landing.orders")


def no_table(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    return desk.lake("sql", "SELECT * FROM landing.order")


def expectation(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    desk.write("zones/clean/orders.sql", "-- accepted values id: 1, 2\n\nSELECT id, name FROM landing.orders\n")
    return desk.lake("build", "clean.orders")


def unknown_header(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    desk.write("zones/clean/orders.sql", "-- primary keys: id\n\nSELECT id, name FROM landing.orders\n")
    return desk.lake("build")


def stale(desk: Desk) -> Shown:
    desk.configure(lake={"freshness": {"orders": "24h"}})
    desk.land()
    return desk.lake("status")


def file_is_there(desk: Desk) -> Shown:
    desk.configure()
    return desk.lake("init", "https://api.shop.example/v2/orders")


def folder_not_ours(desk: Desk) -> Shown:
    desk.configure()
    desk.land()
    desk.write("site/index.html", "mine")
    return desk.lake("page", "site")


TROUBLES: tuple[Callable[[Desk], Shown], ...] = (
    *(no_configuration, not_json, unknown_key, variable_not_set, environment_file, catalog_of_another),
    *(nothing_selected, file_is_there, unauthorized, forbidden, token_refused, not_found, too_many, unreachable),
    *(html, elsewhere, no_records, same_cursor, out_of_order, too_many_rejected, schema_conflict, held, unwritable),
    *(no_s3_credentials, s3_wrong_key, s3_denied, no_bucket, damaged_file, no_program, tap_fails, log_on_stdout),
    *(no_lake, no_dataset, no_table, no_column, unknown_header, expectation, stale, folder_not_ours),
)
"""In the order of the page."""
