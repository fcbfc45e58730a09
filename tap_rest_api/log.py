"""Turns log records into lines on stderr, text or JSON, in which no secret can be read."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from singer import metrics  # importing singer replaces the root handlers, so it comes before set_up

from tap_rest_api.cut import CUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_rest_api.errors import TapError

LOGGER = logging.getLogger("tap_rest_api")

_MASK = "***"
_SHORTEST_SECRET = 3  # masking every "1" would leave no log to read
_ESCAPED = re.compile(r"%[0-9A-F]{2}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Mask:
    """Replaces every secret in a text: as it is, in base64, and as it stands in a URL, a JSON string or HTML.

    Secrets may be added at any time, from any thread: each line is masked by what is known when it is written.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these as well, from now on."""
        with self._lock:
            new = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET} - self._secrets
            if new:
                self._secrets |= new
                self._forms |= {form for secret in new for form in _forms(secret)}
                longest_first = sorted(self._forms, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """Return the text without secrets, and without control characters that a terminal would obey."""
        pattern = self._pattern
        masked = pattern.sub(_MASK, text) if pattern else text
        if CUT in masked:
            *cut_short, last = masked.split(CUT)
            masked = CUT.join([*map(self._without_half, cut_short), last])
        return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", masked)

    def _without_half(self, text: str) -> str:
        """Mask the beginning of a secret at the end of a text that was cut there."""
        text = text.rstrip("\ufffd")  # a character that was cut in two
        longest = max((_half(form, text) for form in list(self._forms)), default=0)
        return f"{text[:-longest]}{_MASK}" if longest else text


def _half(form: str, text: str) -> int:
    """Count the characters of a secret's form that a text ends with."""
    lengths = range(min(len(form) - 1, len(text)), _SHORTEST_SECRET, -1)
    return next((length for length in lengths if text.endswith(form[:length])), 0)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    encoded = {b64encode(raw).decode(), urlsafe_b64encode(raw).decode()}
    bare = {text.rstrip("=") for text in encoded}
    in_url = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    lower = {_ESCAPED.sub(lambda match: match[0].lower(), text) for text in in_url}
    in_page = escape(secret)
    return {
        secret,
        in_page,
        in_page.replace("&#x27;", "&#39;"),
        *encoded,
        *bare,
        *in_url,
        *lower,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


class _TextFormatter(logging.Formatter):
    def __init__(self, mask: Mask) -> None:
        super().__init__("%(levelname)s %(message)s")  # singer-python's own, which readers of METRIC expect
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        is_plain = getattr(record, "plain", False)  # it says itself what it is
        return self._mask(record.getMessage() if is_plain else super().format(record))


class _JsonFormatter(_TextFormatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}.{int(record.msecs):03}Z", "level": record.levelname, "logger": record.name}
        line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: self._mask(value) for key, value in line.items()}, ensure_ascii=False)


_FORMATTERS = {"text": _TextFormatter, "json": _JsonFormatter}


def set_up(level: str, form: str, mask: Mask) -> None:
    """Send every log line of the process through one masking handler. May be called again, as secrets appear."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[form](mask))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    quietest = logging.DEBUG if level == "debug" else logging.WARNING
    logging.getLogger("urllib3").setLevel(quietest)


def log_metric(kind: str, metric: str, value: float, tags: dict[str, Any]) -> None:
    """Log one METRIC line as singer-python does. `kind` is "counter" or "timer" (seconds)."""
    metrics.log(LOGGER, metrics.Point(kind, metric, value, tags))


def log_error(error: TapError) -> None:
    """Log what ended the run: in text the three lines that `show` words, in JSON their parts."""
    LOGGER.critical("%s", error.show(), extra={"plain": True})
