"""Detecting how an API interprets dates, with a fake API for each interpretation, and requesting a window from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import instants_between, utc
from transforms.errors import RequestRefusedError
from transforms.ingest.dialect import Dialect, asked_dates, calibrate
from transforms.values.windows import Window

TODAY = date(2020, 3, 10)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass
class Api:
    """A fake API. cuts: it ignores the bounds' time of day. compares_days: also that of the creation instants."""

    created: Sequence[datetime]
    cuts: bool = False
    compares_days: bool = False
    includes_after: bool = True
    includes_before: bool = True
    formats: frozenset[str] = frozenset({"iso", "date", "rfc2822"})
    asked: list[Mapping[str, str]] = field(default_factory=list)

    def listed(self, parameters: Mapping[str, str]) -> list[datetime]:
        """List the creation instants that the parameters select, newest first."""
        found = sorted(self.created, reverse=True)
        for name, text in parameters.items():
            bound = self.read(text)
            is_after = name == "DateCreated>"
            is_included = self.includes_after if is_after else self.includes_before
            found = [created for created in found if self.is_listed(created, bound, is_after, is_included)]
        return found

    def is_listed(self, created: datetime, bound: datetime, is_after: bool, is_included: bool) -> bool:
        bound = midnight(bound) if self.cuts else bound
        created = midnight(created) if self.compares_days else created
        if created == bound:
            return is_included
        return created > bound if is_after else created < bound

    def read(self, text: str) -> datetime:
        kind = "rfc2822" if "," in text else "iso" if "T" in text else "date"
        if kind not in self.formats:
            raise RequestRefusedError("The API refuses the request (400, code 20001).")
        instant = parsedate_to_datetime(text) if kind == "rfc2822" else datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant

    def ask(self, questions: Sequence[Mapping[str, str]]) -> list[datetime | None]:
        self.asked += questions
        return [next(iter(self.listed(question)), None) for question in questions]


def midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


RECORDED = [utc(2020, 3, day, 9, 30) for day in range(1, 11)]
FOUR = {
    "instant-inclusive": Api(RECORDED),
    "instant-exclusive": Api(RECORDED, includes_after=False, includes_before=False),
    "day-inclusive": Api(RECORDED, cuts=True, compares_days=True),
    "day-exclusive": Api(
        RECORDED, cuts=True, compares_days=True, includes_after=False, includes_before=False
    ),
}


@pytest.mark.parametrize("name", FOUR)
def test_calibrate_detects_each_dialect_in_five_requests(name: str) -> None:
    api = FOUR[name]
    api.asked.clear()
    assert calibrate(api.ask, TODAY) == Dialect("iso", name)  # type: ignore[arg-type]
    assert len(api.asked) == 5


@pytest.mark.parametrize("date_format", ["iso", "date", "rfc2822"])
@pytest.mark.parametrize("name", FOUR)
def test_calibrate_finds_an_accepted_date_format(name: str, date_format: str) -> None:
    api = FOUR[name]
    api = Api(**{**vars(api), "formats": frozenset({date_format})})
    found = calibrate(api.ask, TODAY)
    assert found.date_format == date_format
    window = Window(date(2020, 3, 4), date(2020, 3, 5))
    assert {utc(2020, 3, 4, 9, 30), utc(2020, 3, 5, 9, 30)} <= set(
        api.listed(asked_dates(window.span, found))
    )


def test_calibrate_raises_if_no_format_is_accepted() -> None:
    with pytest.raises(RequestRefusedError):
        calibrate(Api(RECORDED, formats=frozenset()).ask, TODAY)


def test_calibrate_needs_a_recording_on_a_past_day() -> None:
    for created in ([], [utc(2020, 3, 10, 3)], [utc(2020, 3, 9, 12)]):
        for api in (Api(created), Api(created, cuts=True, compares_days=True, includes_before=False)):
            assert calibrate(api.ask, TODAY) == Dialect()
            assert len(api.asked) <= 3


def test_calibrate_finds_no_filter_if_it_is_ignored() -> None:
    class NotFiltering(Api):
        def is_listed(self, created: datetime, bound: datetime, is_after: bool, is_included: bool) -> bool:
            return True

    assert calibrate(NotFiltering(RECORDED).ask, TODAY) == Dialect()


def test_calibrate_skips_recordings_at_midnight() -> None:
    api = Api([utc(2020, 3, 5), utc(2020, 3, 7), utc(2020, 3, 3, 12)], includes_before=False)
    assert calibrate(api.ask, TODAY).filter in (None, "instant-exclusive")


@pytest.mark.parametrize(
    ("name", "after", "before"),
    [
        (None, "2020-02-29T23:59:59Z", "2021-01-01T00:00:00Z"),
        ("unclear", "2020-02-29T23:59:59Z", "2021-01-01T00:00:00Z"),
        ("instant-inclusive", "2020-02-29T23:59:59Z", "2021-01-01T00:00:00Z"),
        ("instant-exclusive", "2020-02-29T23:59:59Z", "2021-01-01T00:00:00Z"),
        ("day-exclusive", "2020-02-29T23:59:59Z", "2021-01-01T00:00:00Z"),
        ("day-inclusive", "2020-03-01T00:00:00Z", "2020-12-31T23:59:59Z"),
    ],
)
def test_asked_dates_follow_the_dialect(name: str | None, after: str, before: str) -> None:
    window = Window(date(2020, 3, 1), date(2020, 12, 31))
    dialect = Dialect("iso", name)  # type: ignore[arg-type]
    assert asked_dates(window.span, dialect) == {"DateCreated>": after, "DateCreated<": before}


APIS = st.builds(
    Api,
    st.lists(instants_between(utc(2020, 3, 1), utc(2020, 3, 11)).map(lambda at: at.replace(microsecond=0))),
    cuts=st.booleans(),
    compares_days=st.booleans(),
    includes_after=st.booleans(),
    includes_before=st.booleans(),
    formats=st.sets(st.sampled_from(["iso", "date", "rfc2822"]), min_size=1).map(frozenset),
)


@given(APIS, st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted), st.booleans())
@settings(max_examples=250)
@example(FOUR["day-inclusive"], [3, 4], True)
@example(Api([utc(2020, 3, 4), utc(2020, 3, 4) - SECOND], includes_after=False), [3, 3], False)
def test_asked_dates_list_the_window_in_every_dialect(api: Api, days: list[int], is_calibrated: bool) -> None:
    window = Window(date(2020, 3, 1) + days[0] * DAY, date(2020, 3, 1) + days[1] * DAY)
    wanted = [
        each for each in sorted(api.created, reverse=True) if window.first <= each.date() <= window.last
    ]
    dialect = calibrate(api.ask, TODAY) if is_calibrated or "iso" not in api.formats else Dialect()
    listed = api.listed(asked_dates(window.span, dialect))
    assert [each for each in listed if window.first <= each.date() <= window.last] == wanted


@pytest.mark.parametrize("name", FOUR)
@given(created=st.lists(instants_between(utc(2020, 3, 1), utc(2020, 3, 11))))
def test_asked_dates_list_at_most_a_second_more(name: str, created: list[datetime]) -> None:
    api = Api(**{**vars(FOUR[name]), "created": created})
    window = Window(date(2020, 3, 4), date(2020, 3, 6))
    for listed in api.listed(asked_dates(window.span, Dialect("iso", name))):  # type: ignore[arg-type]
        assert window.created_from - SECOND <= listed <= window.created_before
