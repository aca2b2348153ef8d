"""Which recordings to ask for by themselves, because that takes fewer requests than the pages of their day.

Both vendors have the single recording as a resource (documented: `GET …/Recordings/{Sid}.json`). What it says proves
nothing about the other recordings of the day. So the day is not covered by it, nothing of it counts as deleted, and
whatever is not a plain answer has the day read as a whole.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from math import ceil

from transforms.ingest.audit import ROWS_PER_PAGE
from transforms.ingest.day_counts import DayCount
from transforms.pages.record import Record, read_some
from transforms.pages.recordings import created_instants
from transforms.pages.sids import is_known_form, same_spelling
from transforms.values.windows import Window


def can_be_asked_for(count: DayCount) -> bool:
    """Check whether a day has fewer unsettled recordings than pages.

    Its pages are those of the recordings that are not known to be deleted: others may not be listed any more. A day
    with more than one page is never read together with others, so nothing else would be saved.
    """
    return 0 < count.unsettled < ceil(count.kept / ROWS_PER_PAGE)


def are_all(sids: Sequence[str], count: DayCount) -> bool:
    """Check whether these are all unsettled recordings of a day, and each can be part of an address."""
    return len(sids) == count.unsettled and all(map(is_known_form, sids))


def days_instead(body: bytes, sid: str, days: Window) -> list[Window]:
    """Return what to read because of the answer for a recording of some days; nothing if it is about one of them.

    It may have moved: then its old day and its new one are read, as if it had never been asked for.
    """
    records = read_some([body])
    if [same_spelling(record.sid) for record in records] != [same_spelling(sid)]:
        return [days]
    # Without a valid date it is of no other day, and a reject.
    moved = [Window(day, day) for day in _days_of_creation(records) if not days.first <= day <= days.last]
    return [days, *moved] if moved else []


def _days_of_creation(records: Iterable[Record]) -> list[date]:
    return [instant.date() for instant in created_instants(records)]
