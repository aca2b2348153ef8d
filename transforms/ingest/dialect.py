"""How an API interprets creation dates in a request: detected with an account's own recordings.

The vendors' documentation contradicts itself on whether the API honours the time of day in `DateCreated<` and
`DateCreated>`, whether the bounds are included, and which date format it accepts. So requests use dates that list at
least the window under every interpretation, and only the rows of the window are kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Literal

from transforms.errors import RequestRefusedError
from transforms.values.windows import Span

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
    """How to filter an account by creation date. filter: None until the account has recordings to detect it with."""

    date_format: DateFormat = "iso"
    filter: Filter | None = None

    @property
    def compares_instants(self) -> bool:
        """Whether hours of a day can be asked for."""
        return self.filter in ("instant-inclusive", "instant-exclusive") and self.date_format != "date"

    @property
    def misses_nothing(self) -> bool:
        """Whether requests for whole days list at least these days, even if the API compares dates in another way."""
        return self.filter in ("instant-inclusive", "instant-exclusive", "day-exclusive")

    def between(self, after: datetime | None, before: datetime | None) -> dict[str, str]:
        """Build query parameters for the bounds (UTC, whole seconds). The operator is part of the name (documented)."""
        write = _FORMATS[self.date_format]
        bounds = {"DateCreated>": after, "DateCreated<": before}
        return {name: write(bound) for name, bound in bounds.items() if bound is not None}


def asked_dates(span: Span, dialect: Dialect = Dialect()) -> dict[str, str]:
    """Build query parameters that list at least the span, of whole days unless the API compares instants.

    The bounds are the last second of the day before and the midnight after. An API that compares instants lists the
    span and at most a second on either side. One that compares days and excludes the bounds lists exactly the span.
    Only one that compares days and includes the bounds would list two more days. Once that is known, the request names
    the span's own first and last day, with times that would miss at most a second if the API changed.
    """
    if dialect.filter == "day-inclusive":
        return dialect.between(span.created_from, span.created_before - _SECOND)
    return dialect.between(span.created_from - _SECOND, span.created_before)


Ask = Callable[[Sequence[Mapping[str, str]]], Sequence[datetime | None]]
"""Requests one row for each set of parameters; returns the creation instant (UTC) of each newest recording, or None."""


def calibrate(ask: Ask, today: date) -> Dialect:
    """Detect the dialect with a few requests, each for one row.

    The sample is the newest recording of a day that is over. The requests test whether bounds just before, at and just
    after it list it.

    Args:
        ask: Sends the requests.
        today: The current day, UTC.

    Raises:
        RequestRefusedError: The API accepts none of the date formats.
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
            if sample >= yesterday + _DAY:  # the filter is ignored; perhaps the API accepts another format
                break
            if sample.date() == (sample - _SECOND).date() == (sample + _SECOND).date():
                return Dialect(date_format, _filter_of(ask, dialect, sample))
            (sample,) = ask([dialect.between(None, _midnight(sample.date() - _DAY))])
        else:
            return dialect
    return Dialect()


def _filter_of(ask: Ask, dialect: Dialect, sample: datetime) -> Filter:
    last_second = _midnight(sample.date() + _DAY) - _SECOND
    just_before, at_sample, just_after, rest_of_day = ask(
        [
            dialect.between(None, sample - _SECOND),
            dialect.between(None, sample),
            dialect.between(None, sample + _SECOND),
            dialect.between(sample + _SECOND, last_second),
        ]
    )
    if just_before == sample:
        # Either days are compared and the day itself is included, or the API does not filter at all.
        return "day-inclusive" if rest_of_day == sample else "unclear"
    if rest_of_day is not None:
        return "unclear"
    if just_after != sample:
        return "day-exclusive"
    return "instant-inclusive" if at_sample == sample else "instant-exclusive"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
