"""Turns a command line into a running example API: `python -m examples.marketplace --help`."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from pathlib import Path
from threading import Event

from examples.marketplace.server import Marketplace
from examples.marketplace.state import replace_text

USAGE_ERROR = 2
MAX_PORT = 65535
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    options = _parser().parse_args(arguments)
    stop = Event()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    try:
        with _marketplace(options) as api:
            _serve(api, options, stop)
    except (OSError, ValueError) as error:
        print(_explained(error, options), file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.marketplace",
        description="A small REST API with synthetic data, on the loopback address, to run the pipe against.",
        epilog="example: python -m examples.marketplace --port 8765 --key demo-key",
    )
    add = parser.add_argument
    add("--port", type=_port, default=8765, help="0 takes a free one (default: %(default)s)")
    add(
        "--key",
        default=os.environ.get("MARKETPLACE_API_KEY") or "demo-key",
        help="what clients must send as X-API-Key (default: $MARKETPLACE_API_KEY, else demo-key)",
    )
    add("--reviews", type=int, default=3000, help="reviews on day zero, up to 1000000 (default: %(default)s)")
    add("--clean", action="store_true", help="mend the seven reviews that break their schema")
    add(
        "--advance",
        choices=("walk", "manual"),
        default="walk",
        help="when the next day begins: after each walk through the reviews, or when told (default: %(default)s)",
    )
    add("--state", type=Path, metavar="FILE", help="keep the day in this file over restarts")
    add("--served-log", type=Path, metavar="FILE", help="append each served record's stream, id and sha256")
    add("--ready-file", type=Path, metavar="FILE", help="holds the base URL while the server listens")
    add("--no-gzip", action="store_true", help="never compress bodies")
    add("--verbose", action="store_true", help="log each request to stderr")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {MAX_PORT}")
    return int(text)


def _marketplace(options: argparse.Namespace) -> Marketplace:
    return Marketplace(
        port=options.port,
        key=options.key,
        clean=options.clean,
        advance=options.advance,
        reviews=options.reviews,
        gzip=not options.no_gzip,
        state=options.state,
        served_log=options.served_log,
        verbose=options.verbose,
    )


def _serve(api: Marketplace, options: argparse.Namespace, stop: Event) -> None:
    """Say where the API is, and keep the ready file as long as it is there."""
    print(
        f"Marketplace example API (synthetic data) on {api.url} — day {api.day}, key {options.key} (Ctrl-C stops it)",
        flush=True,
    )
    if options.ready_file is None:
        stop.wait()
        return
    replace_text(options.ready_file, f"{api.url}\n")
    try:
        stop.wait()
    finally:
        options.ready_file.unlink(missing_ok=True)


def _explained(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Error: port {options.port} is already in use\n"
            f"  fix:   stop the program that listens there, or choose another: --port {options.port + 1}"
        )
    return f"Error: {error}"


if __name__ == "__main__":
    sys.exit(main())
