"""How many recordings were created on each day, and how many of them may still change.

Counted when recordings are written, so that planning does not read them again.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms.schema import DELETED, NO_AUDIO_STATUSES

FINAL_STATUSES = ("completed", "absent", "failed", "stopped", "deleted")
"""Statuses after which a recording is done; with a price it is *settled* and need not be fetched again.

One that is absent or failed is settled without a price, because it never gets one.
`stopped` is final for both vendors; an unknown status is not.
"""

UNSETTLED_COLUMNS = ("recording_sid", "created_at", "status", "price", "deleted_at")
"""What must be known of recordings to find those that are unsettled, by day."""

DELETED_LISTED = timedelta(days=40)
"""How long Twilio lists a deleted recording (documented)."""


class DayTally(msgspec.Struct, frozen=True, array_like=True):
    """Counts of the recordings of a day (UTC) in a file, as of no particular day.

    kept: not known to be deleted. unsettled: those of them that have no price or are not done. unsettled_deleted: day
    (UTC) of the deletion → recordings that are listed as deleted and have no price; they are listed for a while.
    """

    day: date
    recordings: int
    kept: int
    unsettled: int
    unsettled_deleted: dict[date, int] = {}


class DayCount(NamedTuple):
    """How many recordings were created on a day, and how many of them are not settled, or not known to be deleted."""

    recordings: int
    unsettled: int
    kept: int = 0


def tally_by_day(recordings: pa.Table) -> list[DayTally]:
    """Count recordings (LAKE_SCHEMA) by day of creation (UTC), in order."""
    is_unsettled, is_kept = _is_unsettled(recordings), pc.is_null(recordings["deleted_at"])
    days = _day(recordings["created_at"])
    counted = (
        pa.table(
            {
                "day": days,
                "unsettled": pc.and_(is_unsettled, is_kept).cast(pa.int64()),
                "kept": is_kept.cast(pa.int64()),
            }
        )
        .group_by("day")
        .aggregate([("unsettled", "count"), ("unsettled", "sum"), ("kept", "sum")])
        .sort_by("day")
    )
    is_listed = _is_listed_as_deleted(recordings, is_unsettled)
    gone = (
        pa.table({"day": days.filter(is_listed), "gone": _day(recordings["deleted_at"].filter(is_listed))})
        .group_by(["day", "gone"])
        .aggregate([([], "count_all")])
    )
    listed: dict[date, dict[date, int]] = {}
    for row in gone.to_pylist():
        listed.setdefault(row["day"], {})[row["gone"]] = row["count_all"]
    return [
        DayTally(
            row["day"],
            row["unsettled_count"],
            row["kept_sum"],
            row["unsettled_sum"],
            listed.get(row["day"], {}),
        )
        for row in counted.to_pylist()
    ]


def counts(tallies: Iterable[DayTally], today: date) -> dict[date, DayCount]:
    """Add up tallies by day, as of today.

    A recording that the API no longer lists can no longer settle, so it does not count as unsettled.
    """
    days: dict[date, DayCount] = {}
    for each in tallies:
        unsettled = each.unsettled
        if each.unsettled_deleted:
            listed = each.unsettled_deleted.items()
            unsettled += sum(number for gone, number in listed if today - gone <= DELETED_LISTED)
        before = days.get(each.day)
        days[each.day] = (
            DayCount(
                before.recordings + each.recordings, before.unsettled + unsettled, before.kept + each.kept
            )
            if before
            else DayCount(each.recordings, unsettled, each.kept)
        )
    return dict(sorted(days.items()))


def unsettled_sids(recordings: pa.Table, today: date) -> list[str]:
    """Return the sids of the recordings that `counts` has as unsettled, as of today (UTC), in their order.

    recordings: LAKE_SCHEMA, or UNSETTLED_COLUMNS of it.
    """
    is_unsettled, is_kept = _is_unsettled(recordings), pc.is_null(recordings["deleted_at"])
    since = pa.scalar(today - DELETED_LISTED, pa.date32())
    is_listed = pc.and_(
        _is_listed_as_deleted(recordings, is_unsettled),
        pc.fill_null(pc.greater_equal(_day(recordings["deleted_at"]), since), False),
    )
    is_wanted = pc.or_(pc.and_(is_unsettled, is_kept), is_listed)
    sids: list[str] = recordings["recording_sid"].filter(is_wanted).to_pylist()
    return sids


def _is_unsettled(recordings: pa.Table) -> pa.ChunkedArray:
    has_no_audio = pc.is_in(recordings["status"], value_set=pa.array(NO_AUDIO_STATUSES))
    is_unpriced = pc.and_(pc.is_null(recordings["price"]), pc.invert(has_no_audio))
    is_done = pc.is_in(recordings["status"], value_set=pa.array(FINAL_STATUSES))
    return pc.or_(is_unpriced, pc.invert(is_done))


def _is_listed_as_deleted(recordings: pa.Table, is_unsettled: pa.ChunkedArray) -> pa.ChunkedArray:
    is_kept = pc.is_null(recordings["deleted_at"])
    return pc.and_(pc.and_not(is_unsettled, is_kept), pc.equal(recordings["status"], DELETED))


def _day(instants: pa.ChunkedArray) -> pa.ChunkedArray:
    return instants.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
