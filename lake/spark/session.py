"""A master's address and a user's settings become a Spark session that means by SQL what DuckDB means."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHERE = "config, /lake/spark"

_FIXED: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",  # an overflow, or a text that is no number, fails instead of becoming null
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # digits that do not fit fail instead of going
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",  # the calendar of every other reader, before 1582 too
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",  # no _SUCCESS file in the lake
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",  # no .crc files in the lake
}
"""What a dataset's rows depend on. A user's settings do not change these."""

_OF_SQL = frozenset(
    {
        "spark.sql.ansi.enabled",
        "spark.sql.session.timeZone",
        "spark.sql.caseSensitive",
        "spark.sql.decimalOperations.allowPrecisionLoss",
    }
)

_DEFAULTS: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "64",
}


@dataclass(frozen=True)
class SparkOptions:
    """Where Spark runs, and how.

    Attributes:
        master: ``local[*]``, ``spark://host:7077``, ``yarn``, ``k8s://https://…``.
        conf: Settings by name, as ``spark-submit --conf`` takes them.
    """

    master: str = "local[*]"
    conf: Mapping[str, str] = field(default_factory=dict)


def check_options(options: SparkOptions) -> None:
    """Check that a user's settings leave alone what the rows depend on. Raises UsageError."""
    for name in options.conf:
        if name in _FIXED:
            raise UsageError(
                f"{name} is not yours to set: the rows of a dataset depend on it",
                where=f"{_WHERE}/conf/{name}",
                fix="leave it out",
            )


def start_session(options: SparkOptions, memory_limit: str) -> Any:
    """Return a SparkSession, started now or before by this process.

    Args:
        options: Where it runs.
        memory_limit: What the driver may take, as ``2GB``, unless ``spark.driver.memory`` is set.

    Raises:
        MissingExtraError: pyspark is not installed.
        UsageError: There is no Java, or the master does not answer.
    """
    try:
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise _not_installed() from error
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        fix = "install Java 17 (apt-get install openjdk-17-jre-headless), or set JAVA_HOME"
        raise UsageError("Spark needs Java, and there is none here", fix=fix)
    memory = {"spark.driver.memory": _java_size(memory_limit)} if _java_size(memory_limit) else {}
    builder = SparkSession.builder.appName("lake").master(options.master)
    for name, value in {**_DEFAULTS, **memory, **options.conf, **_FIXED}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError, _java_error()) as error:
        fix = "check the address, and that its workers can reach this machine"
        told = f"Spark does not start: {first_line(error)}"
        raise UsageError(told, where=f"{_WHERE}/master {options.master}", fix=fix) from None
    session.sparkContext.setLogLevel("ERROR")
    return session


def current_session() -> Any:
    """Return the session that is active in this process already, with its user's own settings; else a new one.

    Raises as `start_session` does.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise _not_installed() from error
    return SparkSession.getActiveSession() or start_session(SparkOptions(), "")


def unlike_settings(session: Any) -> dict[str, str]:
    """Return the settings under which a session takes SQL otherwise than DuckDB, with the values that they should have.

    A session that `start_session` gave has none.
    """
    wanted = {name: value for name, value in _FIXED.items() if name in _OF_SQL}
    return {name: value for name, value in wanted.items() if session.conf.get(name) != value}


def first_line(error: BaseException) -> str:
    """Return what Spark says, without the Java that follows."""
    text = str(error).strip()
    cause = re.search(r"Caused by: ([^\n]+)", text) or re.search(r"\A[^\n]*\n: ([^\n]+)", text)
    return (cause.group(1) if cause else text.split("\n", 1)[0]) or type(error).__name__


def _not_installed() -> MissingExtraError:
    return MissingExtraError("Spark is not installed", fix="pip install 'rest-datalake[spark]'")


def _java_error() -> type[BaseException]:
    from py4j.protocol import Py4JError  # comes with pyspark

    kind: type[BaseException] = Py4JError
    return kind


def _java_size(size: str) -> str:
    """Return ``2GB`` as Java writes it, ``2g``; empty where it is no such size."""
    found = re.fullmatch(r"(\d+)\s*([KMGT])i?B", size.strip(), re.IGNORECASE)
    return f"{found.group(1)}{found.group(2).lower()}" if found else ""
