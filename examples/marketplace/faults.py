"""Turns the answer a correct API gives into the one that a broken API gives: wrong contents, sound HTTP.

Faults of the transport, where the bytes on the wire are wrong, are in `wire.py`.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from examples.marketplace.message import JSON, Request, Response, error_response, json_response
from examples.marketplace.routes import REVIEWS_PATH, cursor_key, cursor_of, next_link, reviews_response, url_of
from examples.marketplace.wire import WRITERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BOMB_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and when.

    Attributes:
        kind: A key of ALTERATIONS or of `wire.WRITERS`.
        path: Which data requests count: those whose path starts with this, or matches it as a pattern.
        at: The first request that is hit, counted from 1 when the faults were set.
        times: How many requests in a row are hit; None for all that follow.
        status: For "status": what to answer.
        headers: For "status": further headers, such as Retry-After.
        body: For "status": the body's text; None for the API's error object.
        seconds: For "stall": the silence before the answer; for "drip": how long the answer takes.
    """

    kind: str
    path: str = "/v1/diaper_reviews"
    at: int = 1
    times: int | None = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'there is no fault "{self.kind}"; there are: {", ".join(sorted(KINDS))}')

    def matches(self, path: str) -> bool:
        """Say whether a request for `path` counts."""
        return path.startswith(self.path) or fnmatchcase(path, self.path)


@dataclass
class Armed:
    """A fault that is set: how many requests it has counted, and the pages it repeats."""

    fault: Fault
    counted: int = 0
    kept: list[Response] = field(default_factory=list)

    def count(self, path: str) -> bool:
        """Count a request; return whether this one is hit."""
        if not self.fault.matches(path):
            return False
        self.counted += 1
        late = self.counted - self.fault.at
        return late >= 0 and (self.fault.times is None or late < self.fault.times)


class FaultPlan:
    """The faults that are set. Safe to use from several threads."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []
        self._lock = Lock()

    def set(self, faults: Sequence[Fault]) -> None:
        """Replace all faults and count from zero."""
        with self._lock:
            self._armed = [Armed(fault) for fault in faults]

    def faults(self) -> list[Fault]:
        """Return the faults that are set, also those that have passed."""
        return [armed.fault for armed in self._armed]

    def count(self, path: str) -> Armed | None:
        """Count one data request for every fault; return the first fault that hits it."""
        with self._lock:
            hits = [armed for armed in self._armed if armed.count(path)]
        return hits[0] if hits else None


def altered(armed: Armed, request: Request, response: Response) -> Response:
    """Return the answer as this fault spoils it; a fault of the transport leaves it as it is."""
    alter = ALTERATIONS.get(armed.fault.kind)
    return alter(armed, request, response) if alter else response


def _status(armed: Armed, _request: Request, _response: Response) -> Response:
    fault = armed.fault
    answer = error_response(fault.status, "fault", f"The example API was told to answer {fault.status}")
    headers = answer.headers + tuple(fault.headers.items())
    return replace(answer, headers=headers, before=answer.before if fault.body is None else fault.body.encode())


def _html(_armed: Armed, _request: Request, _response: Response) -> Response:
    page = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
    return Response(200, page, headers=(("Content-Type", "text/html"),))


def _empty(_armed: Armed, _request: Request, _response: Response) -> Response:
    return Response(200)


def _no_content(_armed: Armed, _request: Request, _response: Response) -> Response:
    return Response(204, headers=())


def _error_in_200(_armed: Armed, _request: Request, _response: Response) -> Response:
    return error_response(200, "backend_unavailable", "Please try again later")


def _no_records_path(_armed: Armed, _request: Request, _response: Response) -> Response:
    return json_response({"meta": {"next_cursor": None, "count": 0}})


def _redirect_loop(_armed: Armed, request: Request, _response: Response) -> Response:
    return Response(302, headers=(("Location", url_of(request, request.query)),))


def _repeat_cursor(_armed: Armed, request: Request, response: Response) -> Response:
    sent = request.query.get("cursor")
    return reviews_response(response.texts, sent) if sent and _has_cursor(request, response) else response


def _has_cursor(request: Request, response: Response) -> bool:
    return bool(response.stream) and request.path == REVIEWS_PATH


def _same_page(armed: Armed, _request: Request, response: Response) -> Response:
    return _in_turn(armed, response, pages=1)


def _two_pages(armed: Armed, _request: Request, response: Response) -> Response:
    return _in_turn(armed, response, pages=2)


def _in_turn(armed: Armed, response: Response, *, pages: int) -> Response:
    """Return the first `pages` answers that the fault hit, over and over."""
    if len(armed.kept) < pages:
        armed.kept.append(response)
        return response
    return armed.kept[(armed.counted - armed.fault.at) % pages]


def _last_page_repeated(armed: Armed, _request: Request, response: Response) -> Response:
    if response.texts or not armed.kept:
        armed.kept = [response]
    return armed.kept[0]


def _empty_page(armed: Armed, request: Request, response: Response) -> Response:
    """Return no records, yet a way on: to the same place where there is a cursor, past this page elsewhere."""
    if _has_cursor(request, response):
        return reviews_response((), cursor_of(cursor_key(request), again=armed.counted))
    return replace(response, texts=())


def _self_link(_armed: Armed, request: Request, response: Response) -> Response:
    return replace(response, headers=(("Content-Type", JSON), next_link(request, request.query)))


def _shrinking_total(armed: Armed, _request: Request, response: Response) -> Response:
    def less(match: re.Match[bytes]) -> bytes:
        return b'"total":%d' % max(0, int(match[1]) - armed.counted)

    return replace(response, after=re.sub(rb'"total":(\d+)', less, response.after))


def _gzip_bomb(_armed: Armed, _request: Request, _response: Response) -> Response:
    return Response(200, gzip_bomb(), headers=(("Content-Type", JSON), ("Content-Encoding", "gzip")))


@cache
def gzip_bomb() -> bytes:
    """Return 200 KB of gzip that become 200 MB of valid JSON: an empty page with spaces in it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    spaces = b" " * (1024 * 1024)
    parts = [packer.compress(b'{"results":[')]
    parts += [packer.compress(spaces) for _ in range(BOMB_BYTES // len(spaces))]
    parts += [packer.compress(b'],"meta":{"next_cursor":null,"count":0}}'), packer.flush()]
    return b"".join(parts)


def _bad_json(_armed: Armed, _request: Request, response: Response) -> Response:
    return replace(response, before=response.body[:-1] + b",", texts=(), after=b"", stream="", ends_walk=False)


def _nan(_armed: Armed, _request: Request, response: Response) -> Response:
    return _with_last_text(response, rb'"rating":[^,]+', b'"rating":NaN')


def _lone_surrogate(_armed: Armed, _request: Request, response: Response) -> Response:
    return _with_last_text(response, rb'"title":"', rb'"title":"\ud800')


def _with_last_text(response: Response, pattern: bytes, new: bytes) -> Response:
    """Return the page with a part of its last record replaced; a page without records stays as it is."""
    if not response.texts:
        return response
    *texts, last = response.texts
    return replace(response, texts=(*texts, re.sub(pattern, lambda _: new, last, count=1)))


ALTERATIONS: dict[str, Callable[[Armed, Request, Response], Response]] = {
    "status": _status,
    "html": _html,
    "empty": _empty,
    "no_content": _no_content,
    "error_in_200": _error_in_200,
    "no_records_path": _no_records_path,
    "redirect_loop": _redirect_loop,
    "repeat_cursor": _repeat_cursor,
    "same_page": _same_page,
    "two_pages": _two_pages,
    "last_page_repeated": _last_page_repeated,
    "empty_page": _empty_page,
    "self_link": _self_link,
    "shrinking_total": _shrinking_total,
    "gzip_bomb": _gzip_bomb,
    "bad_json": _bad_json,
    "nan": _nan,
    "lone_surrogate": _lone_surrogate,
}
KINDS = ALTERATIONS.keys() | WRITERS.keys()


def parse_faults(text: bytes) -> list[Fault]:
    """Return the faults in a JSON list of objects; raises ValueError when it is not one."""
    items = json.loads(text)
    if not isinstance(items, list):
        raise ValueError("faults: not a JSON list")  # noqa: TRY004 - whatever is wrong with the text is a ValueError
    try:
        return [Fault(**item) for item in items]
    except TypeError as error:
        raise ValueError(f"faults: {error}") from None
