"""The edges of a RECORD line tell its stream where the record between them cannot be read."""

import pytest

from target_datalake.envelope import edge_members, parse_envelope
from target_datalake.errors import MessageError
from target_datalake.input import Batch
from target_datalake.lines import Fingerprint, LongLine
from target_datalake.message_reader import MessageReader
from target_datalake.messages import Records
from target_datalake.runs import to_run

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"type": "RECORD", "stream": "a", ', b""),
        (b'"type":"record","version":3,"stream":"\\u0061",', b""),
        (b"", b', "stream" : "a", "type" : "RECORD" '),
        (b'"stream": "a", ', b', "time_extracted": "2026-01-31T00:00:00Z", "type": "RECORD"'),
    ],
    ids=["first", "with a version", "last", "on both sides"],
)
def test_a_deep_record_reaches_its_stream_wherever_its_type_stands(before, after):
    line = b"{" + before + b'"record": {"x": ' + DEEP + b"}" + after + b"}"
    envelope = parse_envelope(line, 1)
    assert (envelope.type, envelope.stream) == ("RECORD", "a")


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (b'{"x": {"type": "RECORD", "stream": "a", "record": ', b"}}"),
        (b'{"record": {"x": {}, "stream": "a", "type": "RECORD"}', b'"stream": "a", "type": "RECORD"}}'),
        (b'{"record": {"x": "y', b'\\", \\"stream\\": \\"a\\", \\"type\\": \\"RECORD\\"}'),
        (b"{", b","),
    ],
    ids=["a record within", "members of the record", "a text", "nothing"],
)
def test_what_stands_within_the_record_is_no_envelope(head, tail):
    assert "stream" not in edge_members(head, tail)


def long_line(head: bytes, tail: bytes = b"}}") -> LongLine:
    return LongLine(Fingerprint(20 << 20, "ab"), head, tail)


def read(*batches: Batch) -> list:
    return list(MessageReader(lambda: 7).read(batches))


def test_a_record_too_long_to_keep_is_a_message_by_its_fingerprint():
    long = long_line(b'{"type": "RECORD", "stream": "a", "record": {"x": "yyy')
    after = b'{"type": "RECORD", "stream": "a", "record": {}}'
    assert read(Batch(b"\n"), Batch(long=long), Batch(after + b"\n")) == [
        Records("a", to_run([b""], 2, 7, long.fingerprint)),
        Records("a", to_run([after], 3, 7)),
    ]


@pytest.mark.parametrize("head", [b'{"type": "STATE", "value": {"x": "yyy', b'{"type": "SCHEMA", "record": ', b"yyyy"])
def test_no_other_message_may_be_that_long(head):
    with pytest.raises(MessageError, match="line 1 has 20971520 bytes") as caught:
        read(Batch(long=long_line(head)))
    assert caught.value.exit_code == 2
