"""What a port says when it cannot do what it is asked."""

from oms_platform.errors import OperationalError


class UnavailableError(OperationalError):
    """Something that a request needs is away: the request may be sent again later.

    what: in words for whoever asks. because: what a library said of it, for the log alone.
    """

    def __init__(self, what: str, because: object = "") -> None:
        super().__init__(f"{what}: {because}" if because else what)
        self.what = what


class BusyError(UnavailableError):
    """Who was asked has too much to answer already."""


class TooLateError(UnavailableError):
    """Who was asked did not answer in time."""


class IntakeFullError(UnavailableError):
    """So many requests wait to be stored that this one cannot."""


class RoutingRefusedError(Exception):
    """The router refuses a question; its text says what was expected and found.

    `missing`: nothing is there.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class SessionLostError(OperationalError):
    """A session's numbers were moved on by somebody else, or another gateway has it."""
