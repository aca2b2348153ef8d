"""How far two clocks are apart, as seen from an answer."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECOND = timedelta(seconds=1)


def clock_ahead(date_header: str | None, asked_at: datetime, answered_at: datetime) -> timedelta | None:
    """How far our clock is ahead of the server's, below zero when it is behind; None without a readable `Date`.

    The header has whole seconds (RFC 9110, 6.6.1) and was written at some moment between asking and answering, so
    only the least that must be true is told: zero while the two may agree.
    """
    try:
        written = parsedate_to_datetime(date_header or "")
    except ValueError:
        return None
    written = written if written.tzinfo else written.replace(tzinfo=UTC)
    ahead, behind = asked_at - (written + _SECOND), written - answered_at
    return max(ahead, timedelta()) - max(behind, timedelta())
