"""How many requests are being answered at once."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock


class InFlight:
    """Counts requests per account from when they come until their answer is about to be sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: Counter[str] = Counter()
        self._most: dict[str, int] = {}

    def enter(self, account_sid: str, limit: int | None = None) -> bool:
        """A request comes; false, and it is not counted, when as many as `limit` are in flight already."""
        with self._lock:
            if limit is not None and self._now[account_sid] >= limit:
                return False
            self._now[account_sid] += 1
            self._most[account_sid] = max(self._most.get(account_sid, 0), self._now[account_sid])
            return True

    def leave(self, account_sid: str) -> None:
        """A request that was counted is answered."""
        with self._lock:
            self._now[account_sid] -= 1

    def now(self, account_sid: str) -> int:
        """The requests of an account that are in flight."""
        with self._lock:
            return self._now[account_sid]

    def most(self) -> Mapping[str, int]:
        """The most requests of each account that were in flight at once so far."""
        with self._lock:
            return dict(self._most)
