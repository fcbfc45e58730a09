"""The house's walls, read from the imports: floors, no rings, and each library where it belongs."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "tap_rest_api": """
        ahead allocator cut errors field_tree instants media messages traffic
        allowance body charset error_rules infer limits log openapi origin schemas server_time slices spool template
        auth_options document json_body keys pace problem quota retry stdout
        auth_rules columns csv_rows headroom lines new_fields record_rules records template_rules
        traversal xml_body
        connection_rules limit_rules traversal_rules
        stream_rules
        check settings
        about config meter rows
        bookmark edits overrides paginate shape transport
        bounds
        anchor loop_guard
        attempt catalog credential detect state verdict
        admission digest sigv4 token_file tokens
        assertion login
        oauth2
        auth
        client outgoing
        pages request
        unit
        place
        stretch verbs
        walk
        chain
        order streams
        contexts parts
        stream_run
        discover incremental
        excerpt probe sync trial
        spec
        run
        cli
    """,
    "tap_rest_api.spec": """
        answers choose mend reading
        operations
        paging servers
        family
        describe
    """,
    "tap_rest_api.probe": """
        notes secrecy
        address credentials
        asker draft keys refusals sight
        filtering hints
        paging replicating
        explore
    """,
    "target_datalake": """
        errors fail_points folders lean_start log runner s3_options settings timestamps widening
        leaves lines scan
        runs
        batch_files envelope input json_schema layout s3_client s3_errors storage
        messages
        message_reader
        column_types commits decode lake_format local_storage s3_bucket validate
        arrow_schema commit_log config parquet partition place s3_file s3_lock s3_writer
        s3_storage
        stores
        checkpoints convert rewind wide_integers
        rows
        columnar rejects
        draft
        data_files
        replay sink
        commit_writer gathering known_schemas
        target
        run
        cli
    """,
    "target_datalake.columnar": """
        extra literals patterns presence
        chunk keywords temporal undeclared
        conversions subschemas
        plan
        check
        parser
    """,
    "lake": """
        bookmarks errors export filesystem held_log interrupt latest log_chain outline private_folder progress runs
        text unlocked
        findings frames history moments processes programs rejects sandbox snapshot stream_catalog summary
        env_file foreign_tap pipe selections sizes
        project
        config_schemas discover freshness held_source init notebook predicate reject_list schemas strangers tables usage
        asked drop expire judge merge_file reject_table run_catalog scan screen spark status verify written_schemas
        compact dataset raw_records run state
        catalog erase preview query replay
        completion keep_tables overview schedule
        terminal
        keep_options options
        preflight
        page zones
        keep_commands look_commands query_commands reject_commands run_commands schedule_commands
        state_command status_command zone_commands
        page_commands start_commands
        cli
    """,
    "lake.page": """
        folder lineage names run_bars scale values
        profile
        charts facts
        card
        render
        serve site
    """,
    "lake.preflight": """
        checks
        lake_probe tap_trial variables
        preflight
    """,
    "lake.schedule": """
        arrivals cron log_watch webhook
        entries memory notify
        children due outlook run_notices stale_notices
        build_notices loop
        crontab job_notices watches
    """,
    "lake.spark": """
        dialect files session
        frame
    """,
    "lake.zones": """
        built header inputs
        checks definition watch
        build_screen defaults names places reasons
        columns graph
        output
        engine
        build build_records duckdb_engine python_engine
        spark_engine
        builds engines lineage report
        lineage_text
    """,
}
"""Each line is a floor, the ground floor first; a module imports only from lines before its own.

A sub-package is one name on its parent's floors, and has floors of its own under its dotted name.
"""

PROGRAMS = [package for package in FLOORS if "." not in package]

MAY_IMPORT = {"tap_rest_api": set(), "target_datalake": set(), "lake": {"target_datalake"}}

FORMAT_FILES = {
    *("arrow_schema", "checkpoints", "commit_log", "commits", "config", "errors", "lake_format", "layout", "log"),
    *("draft", "fail_points", "parquet", "partition", "replay", "storage", "stores", "widening"),
}
"""What `lake` shares with the target: the lake's format, and how errors and logs look."""

HOMES = {
    "requests": {f"tap_rest_api/{module}" for module in ("attempt", "credential", "digest", "sigv4", "transport")}
    | {"lake/schedule/webhook"},
    "boto3": {"target_datalake/s3_client"},
    "botocore": {"target_datalake/s3_client", "target_datalake/s3_errors", "tap_rest_api/sigv4"},
    "jwt": {"tap_rest_api/assertion"},
    "yaml": {"tap_rest_api/spec/reading"},
    "jsonschema_rs": {"tap_rest_api/trial", "target_datalake/validate"},
    "jsonschema": {"tap_rest_api/check", "target_datalake/config", "lake/project"},
    "cronsim": {"lake/schedule/cron"},
    "jinja2": {"lake/page/render"},
    **{
        name: {"lake/zones/spark_engine", *(f"lake/spark/{module}" for module in ("files", "frame", "session"))}
        for name in ("pyspark", "py4j")
    },
    "sqlglot": {"lake/predicate", "lake/query", "lake/spark/dialect"},
}
"""Where a library may be imported; anywhere else it is a wall broken through."""

HEAVY = {
    "pyarrow",
    "boto3",
    "botocore",
    "jwt",
    "cryptography",
    "duckdb",
    "pandas",
    "pyspark",
    "py4j",
    "rich",
    "jsonschema",
    "importlib",
}
"""What may be imported inside a function, so that a command that does not need it starts at once."""


@cache
def load(package: str) -> dict[str, ast.Module]:
    """Parse a program's modules, those of its sub-packages too: `zones/build` for lake/zones/build.py."""
    root = ROOT / package.replace(".", "/")
    return {
        path.relative_to(root).with_suffix("").as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(root.rglob("*.py"))
        if path.stem != "__init__"
    }


@cache
def imported(tree: ast.AST) -> set[str]:
    """Return the dotted names that a piece of code imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names} if module in FLOORS else {module}
    return names


@pytest.fixture(params=FLOORS)
def floors(request) -> str:
    return request.param


@pytest.fixture(params=PROGRAMS)
def package(request) -> str:
    return request.param


def test_every_module_has_its_floor(floors):
    assert set(FLOORS[floors].split()) == {module.split("/")[0] for module in load(floors)}


def test_every_sub_package_has_floors_of_its_own(package):
    folders = {module.rpartition("/")[0].replace("/", ".") for module in load(package)} - {""}
    assert {f"{package}.{folder}" for folder in folders} == {name for name in FLOORS if name.startswith(f"{package}.")}


def test_a_module_imports_only_from_floors_below_it(floors):
    lines = [line.split() for line in FLOORS[floors].strip().splitlines()]
    height = {module: number for number, line in enumerate(lines) for module in line}
    for module, tree in load(floors).items():
        here = module.split("/")[0]
        for name in imported(tree):
            if name.startswith(f"{floors}."):
                below = name.removeprefix(f"{floors}.").split(".")[0]
                within = "/" in module and below == here
                assert within or height[below] < height[here], f"{floors}/{module}.py imports {below}"


def test_nobody_imports_its_own_package(package):
    for module, tree in load(package).items():
        assert package not in imported(tree), f"{package}/{module}.py imports {package} itself"


def test_packages_keep_apart(package):
    for module, tree in load(package).items():
        for name in imported(tree):
            other = name.split(".")[0]
            if other in PROGRAMS and other != package:
                assert other in MAY_IMPORT[package], f"{package}/{module}.py imports {name}"
                assert name.split(".")[1] in FORMAT_FILES, f"{package}/{module}.py imports {name}"


def test_each_library_stays_at_home(package):
    for module, tree in load(package).items():
        for name in imported(tree):
            homes = HOMES.get(name.split(".")[0])
            assert homes is None or f"{package}/{module}" in homes, f"{package}/{module}.py imports {name}"


def test_the_tap_knows_no_arrow():
    for module, tree in load("tap_rest_api").items():
        assert not any(name.startswith("pyarrow") for name in imported(tree)), module


def test_each_program_has_one_writer_of_stdout():
    writers = {
        f"{package}/{module}"
        for package in PROGRAMS
        for module, tree in load(package).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (ast.unparse(node) == "sys.stdout.buffer" or ast.unparse(node) == "os.write")
    }
    assert writers <= {"tap_rest_api/stdout", "target_datalake/run", "target_datalake/runner", "lake/pipe"}


def test_late_imports_are_heavy_or_of_our_own(package):
    for module, tree in load(package).items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for name in imported(function):
                    top = name.split(".")[0]
                    assert top in HEAVY | {package, "target_datalake", "msgspec"}, f"{package}/{module}: {name}"
