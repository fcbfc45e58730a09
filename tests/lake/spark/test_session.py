"""What `lake build --engine spark` says when Spark cannot be had, or is asked for what would change rows."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from lake import cli
from lake.errors import MissingExtraError, UsageError
from lake.spark.session import SparkOptions, first_line, start_session
from lake.zones.engines import open_engines
from target_datalake.errors import ConfigError
from tests.lake.writer import LakeWriter, Part, numbered
from tests.places import LakePlace


def build(tmp_path, monkeypatch, spark: dict[str, object], header: str = "") -> int:
    LakeWriter(LakePlace("local", str(tmp_path / "lake"))).commit(Part(numbered(1, 2)))
    target = {"path": "lake", "source": "shop"}
    (tmp_path / "config.json").write_text(json.dumps({"target": target, "lake": {"spark": spark}}))
    (tmp_path / "zones/business").mkdir(parents=True)
    (tmp_path / "zones/business/n.sql").write_text(f"{header}SELECT id, name FROM landing.orders")  # noqa: S608 - a file to build
    monkeypatch.chdir(tmp_path)
    return cli.lake.main(["build", "business.n", "--engine", "spark"], prog_name="lake", standalone_mode=False)


def test_a_setting_that_rows_depend_on_is_refused_by_name():
    with pytest.raises(UsageError) as refusal:
        open_engines("spark", SparkOptions(conf={"spark.sql.ansi.enabled": "false"}))
    assert "spark.sql.ansi.enabled is not yours to set" in refusal.value.show()
    assert "/lake/spark/conf/spark.sql.ansi.enabled" in refusal.value.show()
    assert refusal.value.exit_code == 2


def test_an_unknown_key_beside_master_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="mastr"):
        build(tmp_path, monkeypatch, {"mastr": "local[1]"})


def test_without_pyspark_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyspark.errors.exceptions.base", None)
    assert build(tmp_path, monkeypatch, {}) == MissingExtraError.exit_code
    assert "pip install 'rest-datalake[spark]'" in capsys.readouterr().err


def test_without_java_it_says_what_to_install(monkeypatch):
    for name in (
        "pyspark",
        "pyspark.errors",
        "pyspark.errors.exceptions",
        "pyspark.errors.exceptions.base",
        "pyspark.sql",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["pyspark.errors.exceptions.base"], "PySparkException", Exception, raising=False)
    monkeypatch.setattr(sys.modules["pyspark.sql"], "SparkSession", object, raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="Spark needs Java"):
        start_session(SparkOptions(), "1GB")


def test_partitions_are_refused_before_spark_starts(tmp_path, monkeypatch, capsys):
    assert build(tmp_path, monkeypatch, {}, "-- partition by: name\n\n") == UsageError.exit_code
    assert '"partition by" is for DuckDB' in capsys.readouterr().err


def test_of_what_java_says_the_cause_is_told():
    text = "An error occurred while calling o1.parquet.\n: org.apache.spark.SparkException: it broke\n\tat a.b(C.java)"
    assert first_line(RuntimeError(text)) == "org.apache.spark.SparkException: it broke"
    assert (
        first_line(RuntimeError(f"{text}\nCaused by: java.io.IOException: no space\n"))
        == "java.io.IOException: no space"
    )
    assert first_line(RuntimeError("")) == "RuntimeError"
