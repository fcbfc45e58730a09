"""Turns a user, a password and the server's challenge into what signs a request, by requests' digest (RFC 7616)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.request import parse_http_list

from requests.auth import HTTPDigestAuth

from tap_rest_api.credential import Credential
from tap_rest_api.errors import RefusedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from requests import PreparedRequest

    from tap_rest_api.transport import Response

_SCHEME = re.compile(r"(?:^|,\s*)digest\s+", re.IGNORECASE)


class Digest(HTTPDigestAuth):
    """Signs with the challenge of a 401. Each thread has its own, since its requests are counted."""

    _thread_local: threading.local

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password)
        self._credential = Credential(self._sign)

    def credentials(self) -> Sequence[Credential]:
        """Return the only one."""
        return [self._credential]

    def renew(self, used: Credential, response: Response) -> bool:  # noqa: ARG002 - the protocol's
        """Take a challenge; there is none where the server wants another kind of auth."""
        parts = _SCHEME.split(response.headers.get("www-authenticate", ""), maxsplit=1)
        challenge = _parse(parts[1]) if len(parts) > 1 else {}
        if "realm" not in challenge or "nonce" not in challenge:
            return False
        self.init_per_thread_state()
        self._thread_local.chal = challenge
        return True

    def _sign(self, request: PreparedRequest) -> None:
        self.init_per_thread_state()
        if not self._thread_local.chal:
            return  # the first answer brings the challenge
        header = self.build_digest_header(request.method, request.url)  # type: ignore[no-untyped-call]  # in its stubs
        if header is None:
            raise RefusedError("the server wants digest auth of a kind that is not known here")
        request.headers["Authorization"] = header


def _parse(challenge: str) -> dict[str, str]:
    """Read the parameters of a challenge; a scheme that follows it has none of the names that count."""
    pairs = (item.partition("=") for item in parse_http_list(challenge))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
