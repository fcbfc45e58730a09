"""Turns a rotated refresh token into a private file, and the file into the token to begin the next run with."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from tap_rest_api.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenFile:
    """Keeps one refresh token.

    The file also names, by hash, the configured token that its own descends from: where the configuration has been
    given a new one, the old descendant does not count any more.

    Args:
        path: The file, mode 0600; its folder has mode 0700, and is made if it is missing.
        configured: The refresh token of the configuration.
    """

    def __init__(self, path: str, configured: str) -> None:
        self._path = Path(path)
        self._configured = configured
        self._origin = sha256(configured.encode()).hexdigest()

    def read(self) -> str:
        """Return the token to begin with: the file's, or the configuration's where there is none.

        Raises:
            ConfigError: The file cannot be read, is not one of ours, or its folder is open to others.
        """
        self._open_folder()
        try:
            content = json.loads(self._path.read_text("utf-8"))
            return str(content["refresh_token"]) if content["configured"] == self._origin else self._configured
        except FileNotFoundError:
            return self._configured
        except (OSError, ValueError, KeyError, TypeError):
            message = f"the file of the refresh token, {self._path}, cannot be read"
            fix = 'get a new refresh token, put it into the configuration, and remove the file; it is "persist".'
            raise ConfigError(message, fix=fix) from None

    def write(self, token: str) -> None:
        """Put a token in place of the last one: whole, on the disk, and never readable by others.

        A crash leaves the last one, or the new one, and at most a file whose name ends in .tmp beside it.

        Raises:
            ConfigError: It cannot be written.
        """
        content = json.dumps({"refresh_token": token, "configured": self._origin})
        beside = self._path.with_name(f"{self._path.name}.tmp")
        try:
            with suppress(FileNotFoundError):
                beside.unlink()
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            beside.replace(self._path)
            self._sync_folder()
        except OSError as error:
            message = f"the rotated refresh token cannot be kept in {self._path}: {error.strerror}"
            raise ConfigError(message, fix='make "persist" a file that can be written.') from None

    def _open_folder(self) -> None:
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = folder.stat().st_mode
        except (OSError, ValueError) as error:
            raise ConfigError(f'"persist" needs the folder {folder}, which cannot be made: {error}') from None
        if mode & _OTHERS:
            fix = f'chmod 700 {folder}, or name a folder for it alone: "persist": ".secrets/token.json".'
            raise ConfigError(f'the folder of "persist", {folder}, is open to others', fix=fix)

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
