"""Every error recspend raises on purpose, by what the user can do about it.

A message says what happened and then what to do. No message contains a token, a header or a response body.
"""


class RecspendError(Exception):
    """Base class of all errors that are shown to a person without a traceback."""

    exit_code = 2


class ConfigError(RecspendError):
    """A setting, flag or file of the user is missing or wrong. Remedy: change it."""


class BusyError(ConfigError):
    """Another process holds an exclusive resource, usually the data folder. Remedy: wait until it ends."""


class ApiError(RecspendError):
    """The API cannot be reached, refuses a request, or sends a response that cannot be used."""

    exit_code = 3

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class BucketError(RecspendError):
    """The bucket cannot be reached, refuses, or does not hold what it should. Remedy: named in the message."""

    exit_code = 3


class LostTurnError(BusyError):
    """Another machine wrote to an account in the bucket meanwhile. Remedy: none, the next run continues from there."""


class RequestRefusedError(ApiError):
    """The API refuses this one request: a 4xx status that is not about credentials, path or rate."""


class CursorError(ApiError):
    """A page names a next page that must not be followed."""


class EndlessListError(ApiError):
    """A list of the API is endless, or longer than any real one."""


class DataError(RecspendError):
    """Received or stored data cannot be understood. Remedy: look at the named file."""


class DamagedLakeError(DataError):
    """A file of the lake is missing or is not as it was written. Remedy: rebuild the lake from the raw pages."""


class FilterChangedError(DataError):
    """The API filters by date in another way than before. Remedy: run again, which finds out how."""


class DroppedPageError(DataError):
    """A raw page is not kept any more, because a setting says so. Remedy: none, unless the lake has to be rebuilt."""


class HeldError(DataError):
    """Another program has a file open for writing. Remedy: close it there."""


class NotJsonError(DataError):
    """A response body is cut off or is not JSON; requesting it again may help."""


class OversizedError(DataError):
    """A page is larger than any real one, so it is not decoded."""


class ModelError(RecspendError):
    """A SQL model or its twin is wrong: unknown name, cycle, drift. Remedy: correct the named file."""


class ChecksFailedError(RecspendError):
    """At least one check of severity `fail` found rows, so the figures must not be used."""

    exit_code = 1


class DeliveryError(RecspendError):
    """A notification could not be delivered; the next run tries again.

    The error message contains no address, because the address may be a secret.
    """


def reason_of(error: Exception) -> str:
    """Describe an error in words that are safe to show.

    For an unexpected error, this is only its class name: its message may contain a secret.
    """
    return str(error) if isinstance(error, RecspendError) else f"{type(error).__name__}."
