"""Which windows to ask for, so that a page that was received before is received again, byte for byte.

What did not change is then neither stored nor read again. So the day under way is apart from busy days that are over,
and a day that is read again is in a window whose bounds do not depend on which other days are.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from transforms.ingest.audit import ROWS_PER_PAGE, AuditWindows, Blocks, days_over
from transforms.ingest.plan import Reason, windows_of
from transforms.values.windows import CoveredDay, Window

_DAY = timedelta(days=1)
_OF_YOUNG_DAYS = ("look back", "unsettled", "not covered")
_SMALL = 200
"""How many recordings the days next to one that may change may have: they are read with it in the same request."""


def windows_to_fetch(
    reads: Mapping[date, Reason],
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    recordings: Mapping[date, int],
) -> list[Window]:
    """Choose windows that contain the days to fetch, oldest first. Some have neighbouring days, too.

    Args:
        reads: The days to fetch, with the reason.
        days: The range that is asked for; no other day is fetched.
        today: The current day, UTC.
        covered: The days fetched so far.
        recordings: How many recordings each of them has, as far as known.
    """
    over = days_over(covered, recordings, today)
    known = {day: number for day, number in over.items() if days.first <= day <= days.last}
    # Who asks for days again names the range: its windows are as wide as those of days that were never read.
    windows = {*windows_of(day for day, reason in reads.items() if reason == "asked again")}
    reads = {day: reason for day, reason in reads.items() if reason != "asked again"}
    newest = _newest(reads, today, known)
    # The day under way may have been read before, but is not known as it is now.
    unread = (day for day in reads if day not in covered or day == today)
    windows |= {*windows_of(day for day in unread if day not in newest)}
    if newest:
        windows.add(Window(newest[0], today))
    young, old, of_audit = Blocks(known, _SMALL), Blocks(known, ROWS_PER_PAGE), AuditWindows(over, today)
    for day, reason in reads.items():
        if day in known and day not in newest:
            if reason in _OF_YOUNG_DAYS:
                windows.add(young.around(day))
                continue
            window = of_audit.of(day, covered[day].window)
            is_within = days.first <= window.first and window.last <= days.last
            windows.add(window if is_within else old.around(day))
    return _without_parts(windows)


def _newest(reads: Mapping[date, Reason], today: date, known: Mapping[date, int]) -> list[date]:
    """Return the day under way with the days before it that cost no request more, and little to store again.

    None if it is asked for with days before it that were never read.
    """
    if today not in reads or (today - _DAY in reads and today - _DAY not in known):
        return []
    newest, rows = [today], 0
    while (
        (day := newest[0] - _DAY) in known
        and reads.get(day) in _OF_YOUNG_DAYS
        and rows + known[day] <= _SMALL
    ):
        newest.insert(0, day)
        rows += known[day]
    return newest


def _without_parts(windows: set[Window]) -> list[Window]:
    """Leave out windows that are within another one."""
    kept: list[Window] = []
    for window in sorted(windows, key=lambda each: (each.first, -each.last.toordinal())):
        if not kept or window.last > kept[-1].last:
            kept.append(window)
    return kept
