"""How long to wait for the API, and how often to ask again."""

import random
from dataclasses import dataclass

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

# 429 was not processed and is safe to repeat (documented); the others are trouble on the way or at the server.
PASSING_FAULTS = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try again. Times in seconds."""

    connect_timeout: float = 10
    read_timeout: float = 60
    attempts: int = 7
    backoff: float = 0.5
    longest_backoff: float = 60
    longest_retry_after: int = 900

    def pause(self, attempt: int) -> float:
        """Seconds to wait before an attempt, counted from 0: doubling, with some jitter."""
        pause = min(self.backoff * 2.0**attempt, self.longest_backoff)
        return pause + random.uniform(0, self.backoff)  # noqa: S311


class _Retry(Retry):
    """urllib3's Retry, which a Retry-After that is neither seconds nor a date does not stop."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError):  # ValueError: a year or a number that is out of range
            return None


def retry_of(patience: Patience) -> Retry:
    """How the session repeats what did not reach the API or came back as a passing fault."""
    return _Retry(
        total=patience.attempts - 1,
        redirect=False,
        status_forcelist=PASSING_FAULTS,
        allowed_methods=("GET",),
        backoff_factor=patience.backoff,
        backoff_max=patience.longest_backoff,
        backoff_jitter=patience.backoff,
        raise_on_status=False,
        respect_retry_after_header=True,
        retry_after_max=patience.longest_retry_after,
    )
