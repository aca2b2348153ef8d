"""How long to wait for the API, and how often to retry."""

import random
from dataclasses import dataclass

# A request answered with 429 was not processed and is safe to repeat (documented). The others are network or server
# trouble.
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait and how often to retry. Times are in seconds.

    read_timeout: between two pieces of a response. page_timeout: for a whole page, even if data keeps arriving.
    longest_retry_after: how long to wait at most, although the API asks for more.
    """

    connect_timeout: float = 10
    read_timeout: float = 60
    page_timeout: float = 600
    attempts: int = 7
    backoff: float = 0.5
    longest_backoff: float = 60
    longest_retry_after: float = 900

    def pause(self, attempt: int) -> float:
        """Compute the seconds to wait after an attempt (counted from 1): doubling, with some jitter."""
        pause = min(self.backoff * 2.0 ** (attempt - 1), self.longest_backoff)
        return pause + random.uniform(0, self.backoff)  # noqa: S311

    def retry_after(self, header: str | None) -> float | None:
        """Parse the seconds in a Retry-After header (a number or an HTTP date); None without one."""
        # Settings show the defaults above; they load no HTTP library for that.
        from urllib3.exceptions import InvalidHeader  # noqa: PLC0415
        from urllib3.util import Retry  # noqa: PLC0415

        try:
            return None if header is None else Retry().parse_retry_after(header)
        except (InvalidHeader, ValueError):  # ValueError: a year or a number that is out of range
            return None
