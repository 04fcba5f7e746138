"""Errors, told apart by who must act. Each carries a stable `code` for the wire and details for the sentence.

The sentence a person reads is made from the catalogue (`error:<code>`), never here.
"""

from __future__ import annotations


class CoordinatorError(Exception):
    """Base of all errors with a stable `code` and JSON-able `details` for the sentence."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.details.items())
        return f"{self.code} ({told})" if told else self.code


class ConfigError(CoordinatorError):
    """The configuration cannot be used: stop at start-up.

    Details: file, line, entry, field, problem, remedy.
    """


class Refusal(CoordinatorError):
    """A legal message at the wrong moment or by the wrong person: tell that one screen; nothing changed."""


class ProtocolViolation(CoordinatorError):
    """An unreadable message: close that one socket."""


class MediaError(CoordinatorError):
    """One media call or line failed; the events stand and media is reconciled later."""


class StorageError(CoordinatorError):
    """The event could not be written (disk full, folder in use, chain broken): the command did not happen."""
