"""An object becomes a source's lock, for a store that cannot put on a condition.

It names its owner, who renews it while it lives; left alone it grows stale and anyone may take it. Ages are read off
the store's own clock. It is weaker than a conditional put: a writer that stalls for longer than the lock lives, right
between its last look at the lock and its write, is not stopped.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from target_datalake.errors import HeldError, NotFoundError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_datalake.s3_bucket import Bucket

STALE_SECONDS = 120.0
RENEW_SECONDS = 30.0
SETTLE_SECONDS = 2.0
"""Two that take a lock at once have both written it after so long; the one whose name stands there has it."""

_OWNER_BYTES = 16


class Owner(msgspec.Struct, frozen=True):
    """Who holds a lock: a random id, and where that process runs."""

    id: str
    host: str
    pid: int


class ObjectLock:
    """A lock on a source, held by this process or by the parent that handed its descriptor on."""

    def __init__(self, bucket: Bucket, key: str, owner_id: str) -> None:
        self._bucket, self._key = bucket, key
        self._owner = Owner(owner_id, socket.gethostname(), os.getpid())
        self._stop = threading.Event()
        self._file: Any = None

    def take(self, sleep: Callable[[float], None]) -> None:
        """Write our name, see that it stays, and renew it from now on.

        Raises:
            HeldError: Somebody else holds it.
        """
        standing = self._standing()
        if standing is not None and standing.id != self._owner.id:
            raise self._held_by(standing)
        self._write()
        sleep(SETTLE_SECONDS)
        self.require()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the lock is held
        self._file.write(self._owner.id.encode())
        self._file.flush()
        threading.Thread(target=self._renew, daemon=True).start()

    def require(self) -> None:
        """Look at the lock. Raises HeldError when it is not ours any more."""
        standing = self._standing()
        if standing is None or standing.id != self._owner.id:
            raise self._held_by(standing)

    def fileno(self) -> int:
        """Return a descriptor that tells a child process the lock's owner."""
        number: int = self._file.fileno()
        return number

    def close(self) -> None:
        """Stop renewing the lock, and remove it if it is ours; where the store refuses, it grows stale by itself."""
        self._stop.set()
        if self._file is not None:
            self._file.close()
        with contextlib.suppress(TargetError):
            self.require()
            self._bucket.delete(self._key)

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                self.require()
                self._write()
            except HeldError:
                return  # whoever writes next looks at the lock, and stops
            except TargetError:
                continue  # the store may answer again before the lock is stale

    def _write(self) -> None:
        self._bucket.put(self._key, msgspec.json.encode(self._owner))

    def _standing(self) -> Owner | None:
        """Return who holds the lock; None if nobody does, or its last holder has been silent for too long."""
        try:
            reply = self._bucket.get(self._key)
            owner = msgspec.json.decode(reply.data, type=Owner)
        except (NotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return owner if reply.age_seconds < STALE_SECONDS else None

    def _held_by(self, owner: Owner | None) -> HeldError:
        holder = f"process {owner.pid} on {owner.host}" if owner else "nobody: it was not renewed in time"
        return HeldError(
            f"another run holds this source: its lock is held by {holder}",
            where=f"{self._bucket.uri}/{self._key}",
            fix=f"wait until it ends, or stop it; a run that was killed lets go after {STALE_SECONDS:.0f} seconds",
        )


def new_owner_id() -> str:
    """Return an id that no other process has."""
    return secrets.token_hex(_OWNER_BYTES)


def inherited_owner_id(descriptor: int) -> str:
    """Return the owner's id from the descriptor that the lock's holder handed on."""
    return os.pread(descriptor, 2 * _OWNER_BYTES, 0).decode("ascii")
