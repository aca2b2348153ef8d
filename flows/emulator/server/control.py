"""Control a running emulator over HTTP, next to the API: advance its clock, and return the expected totals."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from flows.emulator.http.messages import Response, Source, error, not_found, ok
from flows.emulator.resources.api import LivingSource

PREFIX = "/emulator/"
_UNITS = {"days": 86_400, "hours": 3600, "seconds": 1}


def control(source: Source, method: str, target: str) -> Response:
    """Answer a request below PREFIX. It needs no credentials.

    `POST /emulator/advance?days=1` (also `hours` and `seconds`) advances the clock of a living ledger and returns the
    new `now`, epoch seconds, and `now_utc`. `GET /emulator/totals` returns the current totals.
    """
    parts = urlsplit(target)
    command = method, parts.path.removeprefix(PREFIX)
    if command == ("GET", "totals"):
        return ok(source.totals())
    if command[1] not in ("totals", "advance"):
        return not_found(parts.path)
    if command != ("POST", "advance"):
        return error(405, 20004, "Method not allowed")
    if not isinstance(source, LivingSource):
        return error(409, 20409, "This ledger is not a living one, so its clock can't be advanced")
    ledger = source.ledger
    try:
        given = dict(parse_qsl(parts.query, strict_parsing=True))
        seconds = sum(int(given[unit]) * _UNITS[unit] for unit in given)
        with ledger.lock:
            # Format the date first: the clock must not advance to a moment that can't be written.
            now_utc = datetime.fromtimestamp(ledger.now + seconds, UTC)
            now = ledger.advance(seconds)
    except (KeyError, ValueError, OverflowError, OSError):
        return error(400, 20001, "Give days, hours or seconds as whole numbers that are not negative")
    return ok({"now": now, "now_utc": f"{now_utc:%Y-%m-%dT%H:%M:%SZ}"})
