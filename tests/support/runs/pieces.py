"""Pieces of work for other processes."""

import logging
import os
import signal
import time

from flows.stage import Progress
from transforms.errors import ApiError


def said(number: int, *, progress: Progress) -> int:
    """Log and report a number, and return its square."""
    logging.getLogger("flows.normalize").warning("number %d", number)
    logging.getLogger("flows.normalize").debug("not shown")
    progress("normalize", number, 10)
    return number**2


def process(*, progress: Progress) -> int:
    """Return the process that does it."""
    return os.getpid()


def slept(seconds: float, *, progress: Progress) -> None:
    """Report the process, then take this long."""
    progress("normalize", os.getpid())
    time.sleep(seconds)


def failed(*, progress: Progress) -> None:
    """Raise an error with more than a message."""
    raise ApiError("It cannot be reached. Try later.", retryable=True)


def killed(*, progress: Progress) -> None:
    """End the process as the system does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)
