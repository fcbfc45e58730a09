"""Turns a grant into tokens as an OAuth 2.0 server does: they expire, rotate, and are refused in every way."""

from __future__ import annotations

import threading
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from tests.tap.fake_api import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tap.fake_api import Seen


@dataclass
class AuthServer:
    """A token endpoint at /token, and an API everywhere else that wants its tokens.

    `forms` holds each token request; `fault` answers in the place of the endpoint for as long as it returns something.
    """

    expires_in: Any = 3600
    rotates: bool = False
    fault: Callable[[], Reply | None] = lambda: None
    on_token: Callable[[], None] = lambda: None
    forms: list[dict[str, str]] = field(default_factory=list)
    refresh_tokens: set[str] = field(default_factory=lambda: {"refresh-0"})
    valid: set[str] = field(default_factory=set)
    used: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, seen: Seen) -> Reply:
        return self.grant(seen) if seen.path == "/token" else self.answer(seen)

    def answer(self, seen: Seen) -> Reply:
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        self.used.append(token)
        return Reply([1]) if token in self.valid else Reply({"error": "expired"}, 401)

    def grant(self, seen: Seen) -> Reply:
        with self.lock:
            form = dict(parse_qsl(seen.body.decode()))
            if "authorization" in seen.headers:
                pair = b64decode(seen.headers["authorization"].removeprefix("Basic ")).decode()
                form["basic"] = " ".join(map(unquote_plus, pair.split(":")))
            self.forms.append(form)
            self.on_token()
            fault = self.fault()
            if fault is not None:
                return fault
            if form["grant_type"] == "refresh_token" and form["refresh_token"] not in self.refresh_tokens:
                return Reply({"error": "invalid_grant", "error_description": "the refresh token is spent"}, 400)
            return Reply(self._issue())

    def _issue(self) -> dict[str, Any]:
        number = len(self.forms)
        self.valid.add(f"access-{number}")
        content: dict[str, Any] = {"access_token": f"access-{number}", "token_type": "Bearer"}
        if self.expires_in is not None:
            content["expires_in"] = self.expires_in
        if self.rotates:
            self.refresh_tokens = {f"refresh-{number}"}
            content["refresh_token"] = f"refresh-{number}"
        return content
