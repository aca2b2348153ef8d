"""Wait for something outside, and try again."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def retried(attempt: Callable[[], T], on: type[Exception], seconds: float, pause: float) -> T:
    """Call until it raises no such error.

    Args:
        attempt: What to call; at least once.
        on: The errors that are worth another attempt. Others are raised at once.
        seconds: When to give up, counted from now. The last error is raised then.
        pause: Seconds from an attempt to the next.
    """
    latest = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except on:
            if time.monotonic() >= latest:
                raise
        time.sleep(pause)
