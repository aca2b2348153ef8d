"""Generate the recordings of a fictional business: the same parameters always give the same recordings.

Nothing here reads the clock. Every account and day has its own random numbers, so that days can be generated newest
first, one at a time, without keeping the others in memory. Prices and names follow the vendors' documentation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from itertools import accumulate
from math import exp
from random import Random
from statistics import NormalDist
from typing import Any

from flows.emulator.ledger.forms import COMMON, EXACT, FORMS, Forms, round_nine
from flows.emulator.ledger.ledger import CONFERENCE_SOURCES, Recording

LAST_DAY = date(2026, 9, 30)  # UTC
_LAST_DAY_NUMBER = (LAST_DAY - date(1970, 1, 1)).days
_DAY_SECONDS = 86_400
END = (_LAST_DAY_NUMBER + 1) * _DAY_SECONDS  # the midnight after the last day
_CURRENCIES = ("USD", "EUR", "GBP")
_NAMES = ("support", "sales", "billing")
_WEEKDAY_WEIGHTS = (10, 10, 10, 10, 9, 4, 3)  # Monday first
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 14, 16, 18, 17, 14, 10, 7, 5, 4, 3, 2, 1)
_HOURS = [hour for hour, weight in enumerate(_HOUR_WEIGHTS) for _ in range(weight)]
# Seconds, log-normal: half of the recordings are shorter than two and a half minutes, none is over two hours.
_DURATIONS = [
    min(7200, max(1, int(exp(5.0 + 1.25 * NormalDist().inv_cdf((i + 0.5) / 4096))))) for i in range(4096)
]
# How often each combination of source and channels occurs.
_MIX = [
    (source, channels)
    for source, channels, weight in (
        *(("DialVerb", 1, 20), ("DialVerb", 2, 8), ("RecordVerb", 1, 16), ("RecordVerb", 2, 1)),
        *(("OutboundAPI", 1, 10), ("OutboundAPI", 2, 8), ("Trunking", 1, 3), ("Trunking", 2, 6)),
        *(("StartCallRecordingAPI", 1, 5), ("StartCallRecordingAPI", 2, 9)),
        *(("Conference", 1, 8), ("Conference", 2, 1)),
        *(("StartConferenceRecording", 1, 4), ("StartConferenceRecording", 2, 1)),
    )
    for _ in range(weight)
]
_FREE = Decimal("0.0")
_ODD_FIELDS = tuple(name for name in FORMS if name != "sign")  # an account does not change its sign


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a ledger is generated from. `recordings` is the total number over all accounts.

    `increments` are the seconds in whose steps the accounts are billed, in turn.
    """

    seed: int = 1
    recordings: int = 10_000
    accounts: int = 3
    increments: tuple[int, ...] = (60,)

    def __post_init__(self) -> None:
        if self.recordings < 0 or self.accounts < 1:
            raise ValueError("A ledger needs at least one account, and its recordings can't be negative.")
        if not self.increments or min(self.increments) < 1:
            raise ValueError("A ledger needs at least one increment, of at least one second.")

    def share(self, index: int) -> int:
        """Return the number of recordings of one account. The first account gets the remainder."""
        each, remainder = divmod(self.recordings, self.accounts)
        return each + (remainder if index == 0 else 0)


def account_name(index: int) -> str:
    """Return the name of an account: support, sales, billing, account-4, …"""
    return _NAMES[index] if index < len(_NAMES) else f"account-{index + 1}"


def account_sid(seed: int, index: int) -> str:
    """Return the sid of an account, in the form of a UUID."""
    return _uuid(blake2b(f"{seed}/account/{index}".encode(), digest_size=16).hexdigest())


def recordings(parameters: Parameters, index: int) -> Iterator[Recording]:
    """Generate the recordings of one account, newest first, one day at a time.

    They end on 2026-09-30 and span at least 92 days. Large accounts span more days, with about 1,000 recordings a day,
    so that a month stays the same size while the ledger grows.
    """
    share = parameters.share(index)
    days = max(92, share // 1000)
    first_day = _LAST_DAY_NUMBER - days + 1
    # 1970-01-01 was a Thursday.
    weights = list(accumulate((_WEEKDAY_WEIGHTS[(first_day + i + 3) % 7] for i in range(days)), initial=0))
    for i in reversed(range(days)):
        first = share * weights[i] // weights[-1]
        count = share * weights[i + 1] // weights[-1] - first
        rng = Random(f"{parameters.seed}/{index}/{first_day + i}")  # noqa: S311 - data, not secrets
        day = _Day(
            rng=rng,
            account_sid=account_sid(parameters.seed, index),
            currency=_CURRENCIES[index % len(_CURRENCIES)],
            rate=_rate(index, is_late=i >= days // 2),
            increment=parameters.increments[index % len(parameters.increments)],
            common=replace(COMMON, sign=("negative", "positive")[index % 2]),
        )
        draw = rng.random
        midnight = (first_day + i) * _DAY_SECONDS
        times = sorted(_HOURS[int(draw() * len(_HOURS))] * 3600 + int(draw() * 3600) for _ in range(count))
        for j in reversed(range(count)):
            yield _recording(day, first + j, midnight + times[j])


def _rate(index: int, *, is_late: bool) -> Decimal:
    """Return the price per minute and channel. It changes once, except that of the first account."""
    if index == 0:
        return Decimal("0.0025")
    return Decimal("0.0025") + (index % 5) * Decimal("0.0001") + is_late * Decimal("0.0002")


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class _Day:
    """The properties shared by the recordings of one account and day."""

    rng: Random
    account_sid: str
    currency: str
    rate: Decimal
    increment: int
    common: Forms


def _recording(day: _Day, sequence: int, created_at: int) -> Recording:
    draw = day.rng.random
    source, channels = _MIX[int(draw() * len(_MIX))]
    parent_sid = _uuid(f"{day.rng.getrandbits(128):032x}")
    is_conference = source in CONFERENCE_SOURCES
    duration_seconds = _DURATIONS[int(draw() * len(_DURATIONS))]
    # The clock runs on while a recording is paused.
    length = duration_seconds if draw() < 0.9 else duration_seconds + 1 + int(draw() * duration_seconds)
    # In real responses the creation date was seen to be the start as well as the end of the audio.
    started_at = created_at - length if draw() < 0.5 else created_at
    recording = Recording(
        account_sid=day.account_sid,
        sequence=sequence,
        created_at=created_at,
        updated_at=started_at + length + int(draw() * 8),
        started_at=started_at,
        ended_at=started_at + length,
        call_sid=None if is_conference else parent_sid,
        conference_sid=parent_sid if is_conference else None,
        duration_seconds=duration_seconds,
        source=source,
        channels=channels,
        status="completed",
        price=None,
        currency=day.currency,
        increment=day.increment,
        forms=day.common if draw() < 0.94 else _odd_forms(day),
    )
    recording = replace(recording, price=_price(day.rate * channels, recording.billed_seconds))
    luck = draw()
    return recording if luck < 0.9 else replace(recording, **_exception(recording, luck, draw()))


def _price(rate: Decimal, seconds: int) -> Decimal:
    """Return what the billed seconds cost, to nine decimals, at a rate per minute."""
    minutes, rest = divmod(seconds, 60)
    return round_nine(EXACT.divide(rate * seconds, Decimal(60))) if rest else rate * minutes


def _exception(recording: Recording, luck: float, second_luck: float) -> dict[str, Any]:
    """Return the fields that differ for a recording that is not completed and charged. `luck` is 0.9 to 1."""
    if luck < 0.92:
        return {"price": _FREE}
    if luck < 0.95:
        return {"price": None, "currency": recording.currency if second_luck < 0.5 else None}
    nothing_yet = {"duration_seconds": None, "price": None}
    unended = nothing_yet | {"ended_at": None, "currency": None, "updated_at": recording.created_at}
    exceptions: tuple[dict[str, Any], ...] = (
        {"status": "stopped"},
        {"status": "processing"} | nothing_yet,
        {"status": "in-progress"} | unended,
        {"status": "paused"} | unended,
        {"status": "absent", "duration_seconds": 0, "price": None},
        {"status": "absent", "duration_seconds": 0, "price": _FREE},
        {"status": "failed", "error_code": "16101"} | nothing_yet,  # too short
        {"status": "failed", "error_code": "16102"} | nothing_yet,  # silent
    )
    return exceptions[int(second_luck * len(exceptions))]


def _odd_forms(day: _Day) -> Forms:
    """Draw a random form for at least one field, and for each other field sometimes."""
    first = day.rng.choice(_ODD_FIELDS)
    odd = [name for name in _ODD_FIELDS if name == first or day.rng.random() < 0.25]
    return replace(day.common, **{name: day.rng.choice(FORMS[name]) for name in odd})
