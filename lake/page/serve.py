"""A site's folder becomes pages on this machine's own address, for its own browser alone."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from lake.errors import UsageError
from lake.page.render import CSP

if TYPE_CHECKING:
    from pathlib import Path

_HOST = "127.0.0.1"

_HEADERS = {
    "Content-Security-Policy": f"{CSP}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder on loopback, which listens already; 0 is any free port.

    Raises:
        UsageError: The port is taken, or not to be had.
    """
    try:
        return ThreadingHTTPServer((_HOST, port), partial(_PageHandler, directory=str(folder)))
    except OSError as error:
        fix = "name another one, or 0 for any that is free"
        raise UsageError(f"port {port} cannot be used: {error.strerror}", where="--port", fix=fix) from None


class _PageHandler(SimpleHTTPRequestHandler):
    """Answers with files, and nothing else: no listings, no other names for this machine, no log."""

    def send_head(self) -> Any:
        """Refuse a request that a foreign page sent here under a name of its own (DNS rebinding)."""
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        if host not in {_HOST, "localhost"}:
            self.send_error(421)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        """Show no list of a folder."""
        del path
        self.send_error(404)

    def end_headers(self) -> None:
        """Send with every answer what its page may do."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""
