"""What can go wrong in the tap, grouped by what its reader should do about it.

TapError                       1
├── ConfigError                2  mend the configuration, the catalog or the state file
│   └── RecordsPathError       2  mend "records": the body has no such field
├── CredentialsError           3  mend the credentials
├── RefusedError               4  the API said no for good, or cannot be reached
│   ├── BodyError              4  an answer that is not what it claims to be: cut, not JSON, not UTF-8
│   └── PagingError            4  the pages repeat themselves or end too early
└── OutputError                6  standard output cannot be written: its disk is full, or fails
"""

from __future__ import annotations


class TapError(Exception):
    """The root of every error the tap raises on purpose.

    Attributes:
        exit_code: What the process exits with when this error ends it.
        where: File and JSON pointer, or stream and page; empty when the message says it all.
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


class ConfigError(TapError):
    """A file or option is missing, malformed or says something impossible."""

    exit_code = 2


class RecordsPathError(ConfigError):
    """A page has no records where the configuration says they are."""


class CredentialsError(TapError):
    """The API refused our credentials."""

    exit_code = 3


class OutputError(TapError):
    """What stands behind standard output takes no more: a full disk, an I/O error."""

    exit_code = 6


class RefusedError(TapError):
    """The API refused a request for good, or cannot be reached."""

    exit_code = 4


class BodyError(RefusedError):
    """An answer's body is cut, too large, or not the JSON it should be. Worth another try."""


class PagingError(RefusedError):
    """A page chain repeats itself, or ends before its own total."""
