"""Turns one page of each stream into what a person wants to know before the first run: what came, and is it valid."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from tap_rest_api.bookmark import begin
from tap_rest_api.contexts import contexts
from tap_rest_api.edits import edits_of, shaped_schema
from tap_rest_api.errors import TapError
from tap_rest_api.infer import infer_schema
from tap_rest_api.json_body import decode_loosely
from tap_rest_api.log import LOGGER
from tap_rest_api.new_fields import new_field_finder
from tap_rest_api.records import edit_records
from tap_rest_api.streams import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_rest_api.chain import Batch
    from tap_rest_api.config import Stream
    from tap_rest_api.json_body import Slice
    from tap_rest_api.unit import Source

_SHOWN_PROBLEMS = 3
_DRAFTS = {
    "draft-04": jsonschema_rs.Draft4Validator,
    "draft-06": jsonschema_rs.Draft6Validator,
    "2019-09": jsonschema_rs.Draft201909Validator,
    "2020-12": jsonschema_rs.Draft202012Validator,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What the first page of a stream showed.

    Attributes:
        first_record: "valid", "invalid", or None where there is none.
        problems: Where it does not hold against the schema, and against which keyword; never a value.
        undeclared: The fields of the page that the schema does not know.
        fix: How to mend the error.
        clock_ahead_seconds: How far the server's clock is ahead of ours, as far as its answer proves it.
        exit_code: What the run would end with.
    """

    stream: str
    records: int = 0
    seconds: float = 0.0
    first_record: str | None = None
    problems: Sequence[str] = ()
    undeclared: Sequence[str] = ()
    error: str | None = None
    fix: str | None = None
    clock_ahead_seconds: int = 0
    exit_code: int = 0

    def facts(self) -> dict[str, Any]:
        """Return what --format json prints."""
        return asdict(self)


def try_stream(source: Source, stream: Stream, schema: Mapping[str, Any] | None) -> Trial:
    """Fetch one page of a stream, for its first parent. An error is part of the answer.

    Args:
        source: The API.
        stream: Whose page to fetch.
        schema: The catalog's, if there is one; else the configured one counts, else what the page itself shows.
    """
    began = time.monotonic()
    try:
        trial = _judge(source, stream, schema)
    except TapError as error:
        LOGGER.error("%s", error.show())
        trial = Trial(stream.name, error=error.message, fix=error.fix, exit_code=error.exit_code)
    return replace(trial, seconds=round(time.monotonic() - began, 3))


def _judge(source: Source, stream: Stream, schema: Mapping[str, Any] | None) -> Trial:
    began = time.monotonic()
    batch = next(_batches(source, stream), None)
    if batch is None:
        return Trial(stream.name)
    ahead = _clock_ahead(batch, time.monotonic() - began)
    records = edit_records(batch.records, edits_of(stream, source.config.mask_key))
    if not records:
        return Trial(stream.name, clock_ahead_seconds=ahead)
    if schema is None and stream.schema is not None:
        schema = shaped_schema(stream, stream.schema)
    if schema is None:
        schema = infer_schema(map(decode_loosely, records), stream.primary_key)
    problems = list(_problems(records[0], schema))
    undeclared = dict.fromkeys(".".join(field.path) for field in new_field_finder(schema)(records))
    verdict = "invalid" if problems else "valid"
    return Trial(stream.name, len(records), 0.0, verdict, problems, list(undeclared), clock_ahead_seconds=ahead)


def _batches(source: Source, stream: Stream) -> Iterator[Batch]:
    for context in contexts(source, stream):
        yield from read(source, stream, context, begin(stream.replication, None))


def _clock_ahead(batch: Batch, seconds: float) -> int:
    """Return how far the server's clock is ahead of ours at least, behind it if negative; 0 if they may agree.

    The Date that was answered lies between `as_of` and, if the answer took all of `seconds`, so much later.
    """
    least = (batch.as_of - batch.extracted_at).total_seconds()
    most = least + seconds + 1  # Date counts whole seconds
    return int(least) if least > 0 else int(most) if most < 0 else 0


def _problems(record: Slice, schema: Mapping[str, Any]) -> Iterator[str]:
    """Word what is wrong with a record, by place and keyword. Formats are the target's business."""
    draft = next((kind for name, kind in _DRAFTS.items() if name in str(schema.get("$schema"))), None)
    try:
        validator = (draft or jsonschema_rs.Draft7Validator)(dict(schema), validate_formats=False, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        yield f"the schema cannot be used: {str(error).splitlines()[0]}"
        return
    try:
        errors = list(validator.iter_errors(decode_loosely(record)))
    except ValueError:
        yield "it holds what is not JSON"
        return
    for found in errors[:_SHOWN_PROBLEMS]:
        place = "".join(f"/{part}" for part in found.instance_path) or "/"
        yield f"{place}: {list(found.schema_path)[-1]}"


def to_table(trials: Sequence[Trial]) -> str:
    """Lay the trials out for a terminal."""
    width = max(len("stream"), *(len(trial.stream) for trial in trials))
    lines = [f"{'stream':<{width}}  records  seconds  first record  result"]
    for trial in trials:
        figures = f"{trial.stream:<{width}}  {trial.records:>7}  {trial.seconds:>7.3f}"
        lines.append(f"{figures}  {trial.first_record or '-':<12}  {_result(trial)}")
    return "\n".join(lines)


def _result(trial: Trial) -> str:
    if trial.error:
        return trial.error
    remarks = list(trial.problems)
    if trial.undeclared:
        remarks.append(f"not in the schema: {', '.join(trial.undeclared)}")
    return "; ".join(remarks) or "ok"
