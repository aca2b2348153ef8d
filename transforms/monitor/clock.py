"""The difference between two clocks, measured from one response."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECOND = timedelta(seconds=1)


def clock_ahead(date_header: str | None, asked_at: datetime, answered_at: datetime) -> timedelta | None:
    """Return how far our clock is ahead of the server's, negative if it lags; None without a readable `Date`.

    The header has whole seconds (RFC 9110, 6.6.1) and was written at some moment between request and response. The
    result is therefore the smallest difference that is certain: zero while the two clocks may agree.
    """
    try:
        written = parsedate_to_datetime(date_header or "")
    except ValueError:
        return None
    written = written if written.tzinfo else written.replace(tzinfo=UTC)
    ahead, lag = asked_at - (written + _SECOND), written - answered_at
    return max(ahead, timedelta()) - max(lag, timedelta())
