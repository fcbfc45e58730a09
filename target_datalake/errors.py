"""What can go wrong in the target, grouped by what its reader should do about it.

TargetError                    1
├── ConfigError                2  mend the configuration
├── MessageError               2  mend the tap: its output breaks the Singer specification
│   └── SchemaError            2  a SCHEMA that cannot be used, or that conflicts with what has landed
├── CredentialsError           3  mend the credentials of the store
├── NothingLandedError         4  the tap ended early of its own accord, before its first safe STATE
├── RejectedError              5  too many records broke their schema
├── StorageError               6  mend the disk or the bucket
│   └── NotFoundError          6  a file that the log names is not there
├── HeldError                  7  another run holds the source: wait, or stop it
└── OutputClosedError        141  whoever read our STATEs is gone
"""

from __future__ import annotations


class TargetError(Exception):
    """The root of every error the target raises on purpose.

    Attributes:
        exit_code: What the process exits with when this error ends it.
        where: File and JSON pointer, or line, stream and record; empty when the message says it all.
        fix: What the reader can do about it; empty when there is nothing to say.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def show(self) -> str:
        """Return the three lines that a person reads on stderr."""
        lines = [f"Error: {self.message}"]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)


class ConfigError(TargetError):
    """The configuration is missing, malformed or says something impossible."""

    exit_code = 2


class MessageError(TargetError):
    """A line on stdin breaks the Singer specification."""

    exit_code = 2


class SchemaError(MessageError):
    """A stream's JSON Schema cannot be used, or conflicts with what has landed."""


class CredentialsError(TargetError):
    """The object store refused our credentials."""

    exit_code = 3


class NothingLandedError(TargetError):
    """The tap ended early and well, as one does whose budget is spent, but no STATE of it covers any record."""

    exit_code = 4


class RejectedError(TargetError):
    """More records broke their schema than the configuration allows."""

    exit_code = 5


class StorageError(TargetError):
    """The lake's storage failed: disk full, no permission, no such bucket, an I/O error."""

    exit_code = 6


class NotFoundError(StorageError):
    """A file is not in the lake."""


class HeldError(TargetError):
    """Another run holds the source, or has committed since this run read its head."""

    exit_code = 7


class OutputClosedError(TargetError):
    """Nobody reads our stdout any more."""

    exit_code = 141
