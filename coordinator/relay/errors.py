"""What the relay refuses, with the code that goes on the wire.

A `RelayError` carries a Twirp error code ("not_found", "invalid_argument", "permission_denied",
"resource_exhausted", "failed_precondition", "unavailable") and a sentence for the caller. Raising it means
that nothing was changed.
"""


class RelayError(Exception):
    """A legal request that cannot be carried out; `code` is the Twirp error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ProtocolViolation(Exception):
    """A message that cannot be understood: close that one connection, disturb nothing else.

    `start_over` tells whether the client can help itself by joining anew.
    """

    def __init__(self, message: str, *, start_over: bool = False) -> None:
        super().__init__(message)
        self.start_over = start_over
