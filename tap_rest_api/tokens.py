"""Turns whatever obtains a token into credentials that are fresh: one request for a token, for however many threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_rest_api.credential import Credential
from tap_rest_api.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_rest_api.credential import Sign
    from tap_rest_api.transport import Response

_MARGIN_SECONDS = 60.0  # a token is renewed so long before it expires, or
_MARGIN_SHARE = 0.1  # in the last tenth of a short life


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and for how many seconds it is good; None where nobody says."""

    text: str
    lives_seconds: float | None = None


class Tokens:
    """Credentials that are obtained, expire, and are obtained again.

    Args:
        obtain: Asks for a token; what it raises ends every request that needs one.
        to_sign: Returns what signs with a token.
        clock: Seconds that only grow.
    """

    def __init__(self, obtain: Callable[[], Token], to_sign: Callable[[str], Sign], clock: Callable[[], float]) -> None:
        self._obtain, self._to_sign, self._clock = obtain, to_sign, clock
        self._lock = threading.Lock()  # held while a token is obtained: the other threads wait for it
        self._current: Credential | None = None
        self._stale_at: float | None = None
        self._error: TapError | None = None

    def credentials(self) -> Sequence[Credential]:
        """Return the one with the current token; obtain it if there is none, or it is about to expire."""
        with self._lock:
            is_stale = self._stale_at is not None and self._clock() >= self._stale_at
            current = self._current
            return [self._replace() if current is None or is_stale else current]

    def renew(self, used: Credential, response: Response) -> bool:  # noqa: ARG002 - the protocol's
        """Obtain another token, unless another thread has done so since."""
        with self._lock:
            if used is self._current:
                self._replace()
            return True

    def _replace(self) -> Credential:
        """Obtain a token. An endpoint that has refused for good is not asked by every thread in turn."""
        if self._error is not None:
            raise self._error
        asked_at = self._clock()
        try:
            token = self._obtain()
        except TapError as error:
            self._error = error
            raise
        sign = self._to_sign(token.text)
        self._current = Credential(sign) if self._current is None else replace(self._current, sign=sign)
        lives = token.lives_seconds
        self._stale_at = None if lives is None else asked_at + lives - min(_MARGIN_SECONDS, lives * _MARGIN_SHARE)
        return self._current
