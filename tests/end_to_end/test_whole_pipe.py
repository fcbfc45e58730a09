"""From the API to Parquet and back: both ways to run it, every reader, and what people get wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from examples.marketplace.faults import Fault
from examples.marketplace.served import sha256_of
from examples.marketplace.server import Marketplace
from tests.end_to_end.project import ROOT, STREAMS, Project, make_project
from tests.places import LakePlace, make_s3_place, set_aws_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = ["_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at"]


@pytest.fixture(scope="module", params=["local", "s3"])
def landed(request, tmp_path_factory) -> Iterator[Project]:
    """A project after its first run, to be read."""
    folder = tmp_path_factory.mktemp("landed")
    with pytest.MonkeyPatch.context() as patch, Marketplace(advance="manual", reviews=800) as api:
        if request.param == "local":
            place = LakePlace("local", str(folder / "lake"))
        else:
            set_aws_credentials(patch)
            place = make_s3_place(request.getfixturevalue("s3_endpoint"))
        project = make_project(folder / "project", api, place)
        done = project.lake_run()
        assert done.returncode == 0, done.stderr
        yield project


def run_pipe(project: Project) -> tuple[int, str]:
    """Run the plain pipe as a shell would, and return the target's exit code and the last STATE."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    tap_command = ("tap_rest_api", "--config", "config.json", "--catalog", "catalog.json")
    with (
        project.popen(*tap_command, stdout=pipe, stderr=quiet) as tap,
        project.popen("target_datalake", "-c", "config.json", stdin=tap.stdout, stdout=pipe, stderr=quiet) as target,
    ):
        tap.stdout.close()
        states = target.stdout.read().decode().splitlines()
    assert tap.returncode == 0
    return target.returncode, states[-1]


def plain_rows(project: Project, stream: str) -> list[dict[str, Any]]:
    table = project.catalog[stream].read(versions="all")
    kept = [name for name in table.column_names if name not in {*TIMES, "_sdc_table_version"}]
    return table.select(kept).sort_by("_sdc_sequence").to_pylist()


def test_everything_the_api_served_is_in_the_lake_or_among_the_rejects(landed):
    for stream in STREAMS:
        assert landed.landed(stream) + landed.rejected(stream) == landed.source(stream)
    assert set(landed.rejected("diaper_reviews")) == {37, 418}


def test_rejected_records_keep_the_text_that_was_served(landed):
    served = {record.sha256 for record in landed.api.served()}
    rejected = landed.catalog["diaper_reviews"].rejected()
    assert rejected
    assert {sha256_of(reject["raw"].encode()) for reject in rejected} <= served


def test_values_are_those_of_the_source(landed):
    rows = {row["id"]: row for row in landed.catalog["diaper_reviews"].read().to_pylist()}
    for record in landed.api.records("diaper_reviews"):
        if record["id"] in rows:
            row = rows[record["id"]]
            for field in ("product_id", "brand", "model", "rating", "title", "body", "author", "tags", "price_paid"):
                assert row[field] == record.get(field), field
            assert row["_sdc_extra"] is None


def test_a_second_run_lands_only_what_changed_and_a_new_snapshot(project):
    project.lake_run()
    project.api.advance()
    summary = json.loads(project.lake_run("--json").stdout)
    landed = {name: counts["landed"] for name, counts in summary["streams"].items()}
    assert landed == {"diaper_reviews": 40, "shops": 12}
    assert project.landed("shops", versions="active") == project.source("shops")
    assert project.landed("shops") == Counter(dict.fromkeys(project.source("shops"), 2))


def test_the_plain_pipe_gives_the_same_lake(api, lake_place, tmp_path):
    piped = make_project(tmp_path / "piped", api, lake_place, source="piped")
    code, state = run_pipe(piped)
    assert code == 0
    run = make_project(tmp_path / "run", api, lake_place, source="run")
    assert run.lake_run().returncode == 0
    heads = {history.source: history.commits()[-1] for history in piped.catalog.histories()}
    assert heads["piped"].streams == heads["run"].streams
    for stream in STREAMS:
        one, other = (piped.catalog[f"landing.{source}.{stream}"] for source in ("piped", "run"))
        tables = [dataset.read(versions="all").drop_columns([*TIMES, "_sdc_table_version"]) for dataset in (one, other)]
        assert tables[0].sort_by("_sdc_sequence").equals(tables[1].sort_by("_sdc_sequence"))
    bookmarks = [json.loads(text)["bookmarks"] for text in (state, heads["run"].state)]
    for bookmark in bookmarks:
        bookmark["shops"].pop("version")
    assert bookmarks[0] == bookmarks[1]


@pytest.fixture(scope="module")
def landed_twice(tmp_path_factory) -> Iterator[Project]:
    """A project on a disk after a second run, to be read."""
    folder = tmp_path_factory.mktemp("landed-twice")
    with Marketplace(advance="manual", reviews=800) as api:
        project = make_project(folder / "project", api, LakePlace("local", str(folder / "lake")))
        assert project.lake_run().returncode == 0
        api.advance()
        assert project.lake_run().returncode == 0
        yield project


@pytest.mark.parametrize("stream", STREAMS)
def test_every_reader_by_glob_agrees_with_the_catalog(landed_twice, stream):
    folder = Path(landed_twice.place.path, "landing", "marketplace", stream)
    ours = landed_twice.catalog[stream].read(versions="all").sort_by("_sdc_sequence")
    by_pyarrow = ds.dataset(folder).to_table(columns=ours.column_names).sort_by("_sdc_sequence")
    assert by_pyarrow.cast(ours.schema).equals(ours)
    names = ", ".join(f'"{name}"' for name in ours.column_names)
    with duckdb.connect() as connection:
        query = f"SELECT {names} FROM '{folder}/**/*.parquet' ORDER BY _sdc_sequence"  # noqa: S608 - our own names
        by_duckdb = connection.sql(query).to_arrow_table()
    assert by_duckdb.cast(ours.schema).equals(ours)
    by_pandas = pd.read_parquet(folder, dtype_backend="pyarrow").sort_values("_sdc_sequence")
    assert len(by_pandas) == ours.num_rows
    assert pc.equal(pa.array(by_pandas["id"]), ours.column("id")).to_pylist().count(False) == 0


class TestMistakes:
    """Each leaves the lake as it was, exits with its code, and says what, where and how to mend it."""

    @pytest.fixture
    def project(self, api, tmp_path) -> Project:
        return make_project(tmp_path / "project", api, LakePlace("local", str(tmp_path / "lake")))

    def edit(self, project: Project, change) -> None:
        path = project.folder / "config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    def check(self, project: Project, exit_code: int, *says: str) -> None:
        done = project.lake_run()
        assert done.returncode == exit_code, done.stderr
        assert "Traceback" not in done.stderr
        for text in says:
            assert text in done.stderr
        assert not list((project.folder.parent / "lake").glob("_lake/log/*/*.json"))
        assert not list((project.folder.parent / "lake").glob("landing/**/*.parquet"))

    def test_no_configuration(self, project):
        (project.folder / "config.json").unlink()
        self.check(project, 2, "config.json")

    def test_a_malformed_configuration(self, project):
        (project.folder / "config.json").write_text('{"tap": {}, "target": {"path": "lake"},}')
        self.check(project, 2, "config.json", "line 1")

    def test_an_unknown_key(self, project):
        self.edit(project, lambda config: config["tap"]["streams"][0].update(primary_keys=["id"]))
        self.check(project, 2, "primary_keys", "/tap/streams/0", '"primary_key"')

    def test_an_unset_variable(self, project):
        self.edit(project, lambda config: config["tap"]["auth"].update(token="${env.NEVER_SET_ANYWHERE}"))
        self.check(project, 2, "NEVER_SET_ANYWHERE", "/tap/auth/token")

    def test_a_wrong_key(self, project):
        self.edit(project, lambda config: config["tap"]["auth"].update(token="wrong"))
        self.check(project, 3, "401")

    def test_an_unreachable_host(self, project):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        self.edit(project, lambda config: config["tap"].update(base_url=f"http://127.0.0.1:{port}"))
        self.check(project, 4, f"127.0.0.1:{port}")

    def test_a_page_without_the_records_path(self, project):
        self.edit(project, lambda config: config["tap"]["streams"][0].update(records="data.items"))
        self.check(project, 2, "data.items", "/tap/streams/0/records", "data")

    def test_an_unwritable_lake(self, project):
        self.edit(project, lambda config: config["target"].update(path="/proc/lake"))
        self.check(project, 6, "/proc/lake")

    def test_no_target_section(self, project):
        self.edit(project, lambda config: config.pop("target"))
        self.check(project, 2, "target")

    def test_the_key_stands_nowhere(self, project):
        secret = "s3cr3t-k3y-that-nobody-may-see"
        self.edit(project, lambda config: config["tap"]["auth"].update(token=secret))
        done = project.lake_run("--log-level", "debug")
        assert done.returncode == 3
        assert secret not in done.stderr + done.stdout
        for path in (project.folder.parent / "lake").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes()


PAGES = {"first": 1, "middle": 8, "last": 16}
FAULTS = {"reset_mid": "first", "bad_json": "middle", "cut_gzip": "last"}
if "SWEEP" in os.environ:
    FAULTS |= {"short_length": "middle", "cut_chunked": "first", "empty": "middle", "html": "last"}
"""A sample of what tests/tap/test_faults.py tries on every page: here the records go all the way into the lake."""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_page_is_whole_or_absent(api, tmp_path, kind):
    project = make_project(tmp_path / "project", api, LakePlace("local", str(tmp_path / "lake")))
    api.faults = [Fault(kind, at=PAGES[FAULTS[kind]])]
    first = project.lake_run()
    assert "Traceback" not in first.stderr
    api.faults = []
    assert project.lake_run().returncode == 0
    assert project.landed("diaper_reviews") + project.rejected("diaper_reviews") == project.source("diaper_reviews")


def test_a_full_table_that_completed_in_an_interrupted_run_lands_once(api, tmp_path):
    project = make_project(tmp_path / "project", api, LakePlace("local", str(tmp_path / "lake")))
    api.faults = [Fault("status", status=403, times=None)]
    assert project.lake_run().returncode == 3
    api.faults = []
    assert project.lake_run().returncode == 0
    assert project.landed("shops") == project.source("shops")
    assert project.lake_run().returncode == 0
    assert project.landed("shops") == Counter(dict.fromkeys(project.source("shops"), 2))


def test_the_example_configuration_and_catalog_are_what_the_demo_runs(tmp_path):
    config = json.loads((ROOT / "config.example.json").read_text())
    assert config["tap"]["auth"]["token"] == "${env.MARKETPLACE_API_KEY}"
    assert config["target"]["path"] == "./lake-demo"
    streams = json.loads((ROOT / "catalog.json").read_text())["streams"]
    assert [stream["tap_stream_id"] for stream in streams] == list(STREAMS)
