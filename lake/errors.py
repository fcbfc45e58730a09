"""What can go wrong in the lake's commands and readers, grouped by what their user should do about it.

LakeError                      1
├── UsageError                 2  mend the command line, the arguments or the configuration
│   ├── NotALakeError          2  name the folder or bucket of a lake
│   ├── StartError             2  mend the program that the configuration names
│   └── UnknownDatasetError    2  a KeyError too: the catalog knows no such dataset, or two of that name
├── QueryError                 2  mend the SQL
├── ExpectationError           8  mend the data, the query, or what is expected of its rows
├── MissingExtraError          2  install what the chosen engine needs
├── OutputError                6  standard output cannot be written: its disk is full, or fails
├── DiscoveryError             what the tap exited with; 1 if it printed something that is no catalog
└── PreviewError               what the tap exited with; 1 if it printed something that is no message

Files shared with the target raise its own errors (``target_datalake.errors``); both trees carry ``exit_code`` and
``show()``, so both are shown alike.
"""

from __future__ import annotations

DAMAGED_EXIT_CODE = 6
"""What a command exits with that found the lake damaged, or its storage unfit, and said so; so do storage's errors."""

STALE_EXIT_CODE = 8
"""What `lake status` exits with when something is stale."""


class LakeError(Exception):
    """The root of every error this package raises on purpose.

    Attributes:
        exit_code: What the process exits with when this error ends it.
        where: File and JSON pointer, option, or dataset; empty when the message says it all.
        fix: What the reader can do about it; empty when there is nothing to say.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def show(self) -> str:
        """Return the lines that a person reads on stderr."""
        lines = [f"Error: {self.message}"]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return "; ".join(text for text in (self.message, self.fix) if text)


class UsageError(LakeError):
    """The command line, an argument or the configuration asks for something that is not there."""

    exit_code = 2


class NotALakeError(UsageError):
    """Nothing ever landed at this address."""


class StartError(UsageError):
    """The system refuses to execute a program."""


class UnknownDatasetError(UsageError, KeyError):
    """The catalog has no dataset of this name, or more than one."""


class QueryError(LakeError):
    """SQL that is no single query, names what is not there, or fails as it runs."""

    exit_code = 2


class ExpectationError(LakeError):
    """A new version of a dataset is not what its header expects; the version before stands."""

    exit_code = STALE_EXIT_CODE


class OutputError(LakeError):
    """What stands behind standard output takes no more: a full disk, an I/O error."""

    exit_code = DAMAGED_EXIT_CODE


class MissingExtraError(LakeError):
    """A reader needs a library that is not installed."""

    exit_code = 2


class DiscoveryError(LakeError):
    """The tap's discovery failed, or printed something that is no Singer catalog."""

    def __init__(self, message: str, *, exit_code: int = 1, where: str = "", fix: str = "") -> None:
        super().__init__(message, where=where, fix=fix)
        self.exit_code = exit_code


class PreviewError(LakeError):
    """The tap's trial failed, or printed something that is no Singer message."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Stopped(BaseException):
    """A signal asked this program to end: an order, like KeyboardInterrupt, rather than an error.

    Attributes:
        number: The signal's number; the program exits with 128 plus it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
