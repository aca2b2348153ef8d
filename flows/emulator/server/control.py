"""What a running emulator can be told over HTTP, beside the API: to move time on, and to say the right answer."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from flows.emulator.http.messages import Response, Source, error, not_found, ok
from flows.emulator.resources.api import LivingSource

PREFIX = "/emulator/"
_UNITS = {"days": 86_400, "hours": 3600, "seconds": 1}


def control(source: Source, method: str, target: str) -> Response:
    """Answer a request below PREFIX; credentials are not asked for.

    `POST /emulator/advance?days=1` (also `hours` and `seconds`) moves the clock of a living ledger on and answers
    the new `now`, epoch seconds, and `now_utc`. `GET /emulator/totals` answers the totals as they are now.
    """
    parts = urlsplit(target)
    asked = method, parts.path.removeprefix(PREFIX)
    if asked == ("GET", "totals"):
        return ok(source.totals())
    if asked[1] not in ("totals", "advance"):
        return not_found(parts.path)
    if asked != ("POST", "advance"):
        return error(405, 20004, "Method not allowed")
    if not isinstance(source, LivingSource):
        return error(409, 20409, "This ledger does not live: its time cannot be moved")
    ledger = source.ledger
    try:
        given = dict(parse_qsl(parts.query, strict_parsing=True))
        far = sum(int(given[unit]) * _UNITS[unit] for unit in given)
        with ledger.lock:
            # Read first: where no date can be written, time is not to go.
            now_utc = datetime.fromtimestamp(ledger.now + far, UTC)
            now = ledger.advance(far)
    except (KeyError, ValueError, OverflowError, OSError):
        return error(400, 20001, "Say how far: days, hours or seconds, as whole numbers, not back")
    return ok({"now": now, "now_utc": f"{now_utc:%Y-%m-%dT%H:%M:%SZ}"})
