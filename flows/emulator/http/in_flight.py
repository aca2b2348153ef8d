"""Count the requests that are being answered at the same time."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock


class InFlight:
    """Counts requests per account, from their arrival until just before their answer is sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: Counter[str] = Counter()
        self._most: dict[str, int] = {}

    def enter(self, account_sid: str, limit: int | None = None) -> bool:
        """Count a request. Returns False, and does not count it, if `limit` requests are already in flight."""
        with self._lock:
            if limit is not None and self._now[account_sid] >= limit:
                return False
            self._now[account_sid] += 1
            self._most[account_sid] = max(self._most.get(account_sid, 0), self._now[account_sid])
            return True

    def leave(self, account_sid: str) -> None:
        """Stop counting a request that was answered."""
        with self._lock:
            self._now[account_sid] -= 1

    def now(self, account_sid: str) -> int:
        """Return the number of requests of an account that are in flight."""
        with self._lock:
            return self._now[account_sid]

    def most(self) -> Mapping[str, int]:
        """Return the highest number of requests in flight at once so far, by account."""
        with self._lock:
            return dict(self._most)
