"""Every error recspend raises on purpose, sorted by what the reader can do about it.

A message is one plain sentence and then the next step. No message holds a token, a header or a response body.
"""


class RecspendError(Exception):
    """Root of all errors that are told to a person without a traceback."""

    exit_code = 2


class ConfigError(RecspendError):
    """A setting, flag or file of the user is missing or wrong. Cure: change it."""


class BusyError(ConfigError):
    """Another process holds what only one may: the data folder, as a rule. Cure: wait until it ends."""


class ApiError(RecspendError):
    """The API cannot be reached, refuses, or answers something that cannot be followed."""

    exit_code = 3

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class RequestRefusedError(ApiError):
    """The API refuses this one request (a status 4xx that is not about credentials, path or rate)."""


class CursorError(ApiError):
    """A page names a next page that must not be followed."""


class DataError(RecspendError):
    """What was received or stored cannot be understood. Cure: look at the named file."""


class NotJsonError(DataError):
    """A body that is cut off or is something other than JSON; asking again may help."""


class ModelError(RecspendError):
    """A SQL model or its twin is wrong: unknown name, cycle, drift. Cure: mend the named file."""


class ChecksFailedError(RecspendError):
    """At least one check of severity fail found rows: figures must not be handed out."""

    exit_code = 1


class DeliveryError(RecspendError):
    """A message could not be delivered; the next run tries again. The message names no address: it may be a secret."""


def reason_of(error: Exception) -> str:
    """What went wrong, in words that may be shown.

    Of errors nobody expected it is only the kind: their words may hold a secret.
    """
    return str(error) if isinstance(error, RecspendError) else f"{type(error).__name__}."
