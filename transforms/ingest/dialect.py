"""What an API makes of the creation dates it is asked for: found out from an account's own recordings.

Nobody can tell beforehand whether the API honours the time of day in `DateCreated<` and `DateCreated>`, whether the
bounds are included, and which date format it reads: the vendors' pages contradict each other. So dates are asked in a
form that lists at least the window under every reading, and only the rows of the window are kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Literal

from transforms.errors import RequestRefusedError
from transforms.values.windows import Window

Filter = Literal["instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive", "unclear"]
"""Whether instants or creation days are compared, and whether the bound is included."""

DateFormat = Literal["iso", "date", "rfc2822"]

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_SAMPLES = 3

_FORMATS: Mapping[DateFormat, Callable[[datetime], str]] = {
    "iso": lambda instant: f"{instant:%Y-%m-%dT%H:%M:%SZ}",  # what the vendors' own clients send
    "date": lambda instant: f"{instant:%Y-%m-%d}",
    "rfc2822": format_datetime,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to ask an account for creation dates. filter: None until the account had recordings to find it out with."""

    date_format: DateFormat = "iso"
    filter: Filter | None = None

    def between(self, after: datetime | None, before: datetime | None) -> dict[str, str]:
        """Query parameters for the bounds (UTC, whole seconds). The operator is part of the name (documented)."""
        write = _FORMATS[self.date_format]
        bounds = {"DateCreated>": after, "DateCreated<": before}
        return {name: write(bound) for name, bound in bounds.items() if bound is not None}


def asked_dates(window: Window, dialect: Dialect = Dialect()) -> dict[str, str]:
    """Query parameters that list at least the window.

    From the last second of the day before to the midnight after: whoever compares instants lists the window and at most
    a second on either side, whoever compares days and leaves out the bounds lists just the window. Only who compares
    days and includes the bounds would list two days more; once that is certain, the window's own days are asked for,
    with times that would leave hardly anything out if the API changed its mind.
    """
    if dialect.filter == "day-inclusive":
        return dialect.between(window.created_from, window.created_before - _SECOND)
    return dialect.between(window.created_from - _SECOND, window.created_before)


Ask = Callable[[Sequence[Mapping[str, str]]], Sequence[datetime | None]]
"""Lists one row for each set of parameters: the creation instant (UTC) of each newest recording, None without one."""


def calibrate(ask: Ask, today: date) -> Dialect:
    """Find out the dialect with a few questions, each for one row.

    The sample is the newest recording of a day that is over; what is asked is whether bounds just before, at and just
    behind it list it. Raises RequestRefusedError when the API reads none of the date formats.
    """
    yesterday = _midnight(today - _DAY)
    for date_format in _FORMATS:
        dialect = Dialect(date_format)
        try:
            (sample,) = ask([dialect.between(None, yesterday)])
        except RequestRefusedError:
            if date_format == "rfc2822":
                raise
            continue
        for _ in range(_SAMPLES):
            if sample is None:
                return dialect
            if sample >= yesterday + _DAY:  # the filter is passed over; perhaps another format is understood
                break
            if sample.date() == (sample - _SECOND).date() == (sample + _SECOND).date():
                return Dialect(date_format, _filter_of(ask, dialect, sample))
            (sample,) = ask([dialect.between(None, _midnight(sample.date() - _DAY))])
        else:
            return dialect
    return Dialect()


def _filter_of(ask: Ask, dialect: Dialect, sample: datetime) -> Filter:
    last_second = _midnight(sample.date() + _DAY) - _SECOND
    before_it, at_it, behind_it, after_it = ask(
        [
            dialect.between(None, sample - _SECOND),
            dialect.between(None, sample),
            dialect.between(None, sample + _SECOND),
            dialect.between(sample + _SECOND, last_second),
        ]
    )
    if before_it == sample:
        # Days are compared, and the day itself is included; or the API does not filter at all.
        return "day-inclusive" if after_it == sample else "unclear"
    if after_it is not None:
        return "unclear"
    if behind_it != sample:
        return "day-exclusive"
    return "instant-inclusive" if at_it == sample else "instant-exclusive"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
