"""What is known of each recording: its versions, in the order in which they were read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from tests.whole_runs.recomputed import values
from tests.whole_runs.recomputed.raw import Fetch
from tests.whole_runs.recomputed.values import Row, UnreadableError

FINAL = frozenset({"completed", "absent", "failed", "stopped", "deleted"})
"""A recording in one of these states does not change any more, apart from its price."""


class Version(NamedTuple):
    """What a record of a page says. Two that are equal say the same."""

    recording_sid: str
    account_sid: str
    call_sid: str | None
    conference_sid: str | None
    source: str
    source_raw: str
    status: str
    channels: int | None
    duration_seconds: int | None
    price: Decimal | None
    price_raw: str | None
    currency: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error_code: str | None
    uri: str
    media_location: str | None
    is_encrypted: bool | None

    @property
    def has_no_audio(self) -> bool:
        """Whether nothing was recorded: there is nothing to keep, and it never gets a price."""
        return self.status in ("absent", "failed")

    @property
    def is_awaiting_price(self) -> bool:
        """Whether a price is still expected."""
        return self.price is None and not self.has_no_audio

    @property
    def is_stored(self) -> bool:
        """Whether the vendor keeps, or kept, its audio."""
        return not self.has_no_audio and self.media_location != "external"

    def with_known(self, before: "Version") -> "Version":
        """Return a deleted recording with its length, price and currency of before, where it is listed without them."""
        known = self
        if self.duration_seconds is None:
            known = known._replace(duration_seconds=before.duration_seconds)
        if self.price is None and before.price is not None:
            return known._replace(price=before.price, price_raw=before.price_raw, currency=before.currency)
        return known._replace(currency=before.currency) if self.currency == values.NO_CURRENCY else known

    @property
    def charge(self) -> tuple[Decimal | None, str]:
        """What a correction changes. Another sign is another price."""
        return self.price, self.currency


def read(record: Any) -> Version:
    """Read a record of a page. Raises UnreadableError."""
    if not isinstance(record, dict) or not isinstance(record.get("sid"), str):
        raise UnreadableError("sid")
    created_at = values.instant(record["date_created"])
    channels, said = values.whole(record.get("channels")), record.get("price")
    return Version(
        recording_sid=record["sid"],
        account_sid=record["account_sid"],
        call_sid=record["call_sid"] or None,
        conference_sid=record["conference_sid"] or None,
        source=values.source(record["source"]),
        source_raw=record["source"],
        status=record["status"].lower(),
        channels=channels if channels in (1, 2) else None,
        duration_seconds=values.whole(record["duration"]),
        price=values.price(said),
        price_raw=None if said is None else str(said),
        currency=(record["price_unit"] or values.NO_CURRENCY).upper(),
        created_at=created_at,
        updated_at=values.instant(record["date_updated"]) if record["date_updated"] else created_at,
        started_at=values.instant(record["start_time"]) if record["start_time"] else None,
        ended_at=values.instant(record["end_time"]) if record["end_time"] else None,
        error_code=values.error_code(record["error_code"]),
        uri=record["uri"] or "",
        media_location=values.place(record.get("media_url")),
        is_encrypted=isinstance(record["encryption_details"], dict)
        if "encryption_details" in record
        else None,
    )


class Sight(NamedTuple):
    """A version, when the fetch began that first read it, and the page it was read on."""

    version: Version
    seen_at: datetime
    page: str


@dataclass
class Recording:
    """A recording: its versions, the oldest first, and what else is known of it."""

    first_seen_at: datetime
    sights: list[Sight] = field(default_factory=list)
    first_priced_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def now(self) -> Version:
        """The version that counts."""
        return self.sights[-1].version

    @property
    def page(self) -> str:
        """The page of that version."""
        return self.sights[-1].page

    @property
    def changes(self) -> Iterator[tuple[Sight, Sight]]:
        """The sights that follow each other."""
        return pairwise(self.sights)

    def known_at(self, moment: datetime) -> Version | None:
        """Return what was known of the recording at a moment."""
        known = [sight.version for sight in self.sights if sight.seen_at <= moment]
        return known[-1] if known else None

    def take(self, seen_at: datetime, page: str, listed: Version) -> None:
        """Take note of how a fetch listed the recording. What was read last counts."""
        version = listed.with_known(self.now) if self.sights and listed.status == "deleted" else listed
        if version.price is not None and self.first_priced_at is None:
            self.first_priced_at = seen_at
        if not self.sights or version != self.now:
            self.sights.append(Sight(version, seen_at, page))
        self.deleted_at = (self.deleted_at or seen_at) if version.status == "deleted" else None


def readable(fetch: Fetch) -> Iterator[tuple[str, Version]]:
    """Yield the page and version of each record of the fetch's window that can be understood."""
    for page, rows in fetch.pages.items():
        for record in rows:
            try:
                version = read(record)
            except UnreadableError:
                continue
            if fetch.has(version.created_at.date()):
                yield page, version


def listed_by(fetch: Fetch) -> dict[str, tuple[str, Version]]:
    """Return the page and version of each recording that a fetch listed: the newest update, on the last page."""
    found: dict[str, tuple[str, Version]] = {}
    for page, version in readable(fetch):
        before = found.get(version.recording_sid)
        if before is None or version.updated_at >= before[1].updated_at:
            found[version.recording_sid] = page, version
    return found


def fold(fetches: Sequence[Fetch]) -> dict[str, Recording]:
    """Return every recording by sid. fetches: in the order in which they began.

    A fetch that read its window to the end did not list what is gone.
    """
    found: dict[str, Recording] = {}
    for fetch in fetches:
        listed = listed_by(fetch)
        for sid, (page, version) in listed.items():
            found.setdefault(sid, Recording(fetch.began)).take(fetch.began, page, version)
        if fetch.is_whole:
            for sid in found.keys() - listed.keys():
                now = found[sid].now
                if now.account_sid == fetch.account_sid and fetch.has(now.created_at.date()):
                    found[sid].deleted_at = found[sid].deleted_at or fetch.began
    return found


def corrections(found: dict[str, Recording]) -> Iterator[Row]:
    """Yield ops.corrections: each change of a price that had been given before."""
    for recording in found.values():
        was_priced = False
        for before, after in recording.changes:
            was_priced = was_priced or before.version.price is not None
            if was_priced and before.version.charge != after.version.charge:
                yield {
                    "account_sid": after.version.account_sid,
                    "recording_sid": after.version.recording_sid,
                    "created_at": after.version.created_at,
                    "seen_at": after.seen_at,
                    "price_before": before.version.price,
                    "price_after": after.version.price,
                    "cost_before": values.size(before.version.price),
                    "cost_after": values.size(after.version.price),
                    "currency_before": before.version.currency,
                    "currency_after": after.version.currency,
                    "raw_page_before": before.page,
                    "raw_page_after": after.page,
                }
