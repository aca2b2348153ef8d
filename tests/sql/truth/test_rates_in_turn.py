"""Rates that take turns, volume tiers, rates side by side and lasting changes, on series of days written by hand."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.sql.tables import MODELS, build, connect, create
from tests.whole_runs.recomputed.figures.rates import rates_in_turn
from tests.whole_runs.recomputed.figures.side_by_side import Stretch, side_by_side
from tests.whole_runs.recomputed.figures.turns import Tier, Turns, turns_and_changes
from tests.whole_runs.recomputed.given import Given, Settings
from transforms.model.models import references

Day = tuple[date, Mapping[str, int]]
"""A day, and the minutes at each rate."""

Cell = Mapping[str, object]
"""Currency and channels, where they are not the usual ones."""

GIVEN = ("marts.daily_spend_detail", "marts.fct_recordings")
A, B, C, D = "0.002", "0.004", "0.005", "0.01"
START = date(2025, 1, 6)  # a Monday


def models() -> list[str]:
    """Return what the two marts are made of, without what is given, in build order."""
    wanted = {"marts.rates_in_turn", "marts.rate_changes"}
    for model in reversed(MODELS):
        if model.name in wanted:
            wanted |= references(model.sql, model.file) - {*GIVEN}
    return [model.name for model in MODELS if model.name in wanted - {*GIVEN}]


BUILT = models()


def built(days: Iterable[Day]) -> duckdb.DuckDBPyConnection:
    """Build the marts over these days of one account, source and channel count."""
    return built_of((day, minutes, {}) for day, minutes in days)


def built_of(days: Iterable[tuple[date, Mapping[str, int], Cell]]) -> duckdb.DuckDBPyConnection:
    """Build the marts over days of several currencies or channel counts."""
    connection = connect()
    for name in GIVEN:
        create(connection, name, [])
    detail = [
        [day, cell.get("channels"), cell.get("currency", "USD"), rate, number]
        for day, minutes, cell in days
        for rate, number in minutes.items()
    ]
    connection.execute(
        """
        insert into marts.daily_spend_detail by name
        select
            'A' as account_sid, 'support' as account_name, 'DialVerb' as source,
            cast(unnest($1) as date) as usage_date, unnest($2)::tinyint as channels, unnest($3) as currency,
            unnest($4)::decimal(18, 6) as rate, unnest($5)::bigint as priced_minutes,
            cast(unnest($4)::decimal(18, 6) * unnest($5)::bigint as decimal(38, 9)) as cost
        """,
        [list(column) for column in zip(*detail, strict=True)] if detail else [[], [], [], [], []],
    )
    for model in MODELS:
        if model.name in BUILT:
            build(connection, model)
    return connection


class Told(NamedTuple):
    """What the marts say: the changes, and the turns."""

    changes: Sequence[tuple[date, str, str]]
    turns: Sequence[tuple[str, str, str, date, date, bool]]


def told(days: Iterable[Day]) -> Told:
    with closing(built(days)) as connection:
        return told_by(connection)


def plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


def told_by(connection: duckdb.DuckDBPyConnection) -> Told:
    changes = connection.execute(
        "select changed_on, rate_before, rate_after from marts.rate_changes order by 1"
    ).fetchall()
    turns = connection.execute(
        "select kind, lower_rate, higher_rate, since, last_day, is_over from marts.rates_in_turn order by 4, 2, 3"
    ).fetchall()
    return Told(
        [(day, plain(before), plain(after)) for day, before, after in changes],
        [(kind, plain(lower), plain(higher), *rest) for kind, lower, higher, *rest in turns],
    )


def at(day: int) -> date:
    return START + timedelta(days=day)


def periods(*parts: tuple[str, int], first: date = START) -> list[Day]:
    """Return days with ten minutes each: rate after rate, each for a number of days."""
    rates = [rate for rate, days in parts for _ in range(days)]
    return [(first + timedelta(days=number), {rate: 10}) for number, rate in enumerate(rates)]


def shares(*parts: tuple[Mapping[str, int], int], first: date = START) -> list[Day]:
    """Return days with these minutes at each rate: part after part, each for a number of days."""
    a_day = [minutes for minutes, days in parts for _ in range(days)]
    return [(first + timedelta(days=number), minutes) for number, minutes in enumerate(a_day)]


def weeks(number: int, weekday: str = B, weekend: str = A) -> list[tuple[str, int]]:
    return [(weekday, 5), (weekend, 2)] * number


def months(
    threshold: int, used: Sequence[int], rates: tuple[str, str] = (B, A), first: date = date(2025, 1, 1)
) -> list[Day]:
    """Return the days of months with these minutes a day: the first `threshold` at the first rate."""
    days: list[Day] = []
    for a_day in used:
        total, day = 0, first
        while day.month == first.month:
            left = min(a_day, max(0, threshold - total))
            days.append(
                (day, {rate: part for rate, part in zip(rates, (left, a_day - left), strict=True) if part})
            )
            total += a_day
            day += timedelta(days=1)
        first = day
    return days


# Turns


def test_weekday_and_weekend_rates_take_turns() -> None:
    assert told(periods(*weeks(10))) == ([], [("in turn", A, B, at(5), at(69), False)])


def test_rates_of_every_other_week_take_turns() -> None:
    """Before, each week was a change."""
    assert told(periods(*[(A, 7), (B, 7)] * 8)) == ([], [("in turn", A, B, at(7), at(111), False)])


def test_four_switches_are_turns_and_three_are_changes() -> None:
    three = periods((A, 30), (B, 30), (A, 30), (B, 30))
    assert told(three) == ([(at(30), A, B), (at(60), B, A), (at(90), A, B)], [])
    four = periods((A, 30), (B, 30), (A, 30), (B, 30), (A, 30))
    assert told(four) == ([], [("in turn", A, B, at(30), at(149), False)])


def test_rates_charged_on_the_same_days_take_turns() -> None:
    """Two regions, now the one and now the other with more minutes."""
    days = [(at(n), {A: 60, B: 40} if n < 50 else {A: 40, B: 60}) for n in range(150)]
    assert told(days) == ([], [("in turn", A, B, at(50), at(149), False)])


def test_rate_that_comes_back_after_two_months_changed_twice() -> None:
    returns = periods((A, 70), (B, 70), (A, 70), (B, 70), (A, 70))
    assert [change[1:] for change in told(returns).changes] == [(A, B), (B, A), (A, B), (B, A)]
    assert told(returns).turns == []


def test_turns_over_a_gap_without_recordings_begin_again() -> None:
    weekly = periods(*[(A, 7), (B, 7)] * 4)
    later = periods(*[(A, 7), (B, 7)] * 4, first=at(200))
    assert told([*weekly, *later]) == (
        [],
        [("in turn", A, B, at(7), at(55), True), ("in turn", A, B, at(200), at(255), False)],
    )


def test_later_day_with_both_rates_does_not_undo_an_end() -> None:
    """Before, they were never over, and the change was not shown."""
    days = [*periods(*[(A, 7), (B, 7)] * 6, (B, 100)), (at(184), {A: 40, B: 60}), (at(185), {B: 10})]
    assert told(days) == ([(at(77), A, B)], [("in turn", A, B, at(7), at(77), True)])
    in_time = [(day, {A: 40, B: 60} if day == at(90) else minutes) for day, minutes in days]
    assert told(in_time) == ([(at(77), A, B)], [("in turn", A, B, at(7), at(90), True)])


def test_days_with_both_rates_count_after_a_short_switch() -> None:
    """Before, the last day was the one of the switch, because 0.004 had lasted before it as well."""
    days = periods((A, 7), (B, 7), (A, 7), (B, 7), (A, 1), (B, 60))
    days[40] = (at(40), {A: 40, B: 60})
    assert told(days).turns == [("in turn", A, B, at(7), at(40), True)]


def test_days_without_recordings_are_not_an_end() -> None:
    days = [*periods(*[(A, 7), (B, 7)] * 6), (at(110), {A: 40, B: 60}), (at(111), {B: 10})]
    assert told(days) == ([], [("in turn", A, B, at(7), at(111), False)])


def test_rate_that_is_back_after_a_third_one_ends_turns() -> None:
    """Before, they were never over."""
    days = periods(*[(A, 7), (B, 7)] * 3, (B, 2), (C, 1), (A, 1), (C, 1), (B, 40))
    assert told(days) == ([(at(35), A, B)], [("in turn", A, B, at(7), at(47), True)])


def test_rate_that_lasts_after_a_third_one_is_not_another() -> None:
    """Before them, 0.005 had lasted, and it is charged once more before 0.004 stays."""
    days = periods((C, 30), *[(A, 1), (B, 1)] * 3, (C, 1), (B, 14))
    assert told(days) == ([(at(37), C, B)], [("in turn", A, B, at(31), at(35), True)])


def test_turns_are_over_when_neither_rate_is_charged() -> None:
    """Two other rates alternate by the day, so none of them lasts."""
    days = periods(*[(A, 7), (B, 7)] * 3, *[(C, 1), (D, 1)] * 10)
    assert told(days).turns == [
        ("in turn", A, B, at(7), at(41), True),
        ("in turn", C, D, at(43), at(61), False),
    ]


def test_next_turns_of_the_same_rates_end_those_before() -> None:
    """A month contradicts the tier; short turns of the same rates begin in it."""
    tier = months(2000, [100] * 3)
    days = [*tier, *periods(*[(B, 2), (A, 2)] * 15, first=date(2025, 4, 1))]
    assert [turn[3:] for turn in told(days).turns] == [
        (date(2025, 1, 21), date(2025, 3, 31), True),
        (date(2025, 4, 1), date(2025, 5, 30), False),
    ]


def test_currencies_have_turns_of_their_own() -> None:
    weekly, once = periods(*[(A, 7), (B, 7)] * 4), periods((A, 28), (B, 28))
    cells: list[tuple[list[Day], Cell]] = [
        (weekly, {"currency": "EUR"}),
        (once, {"currency": "USD"}),
        (once, {"channels": 2}),
    ]
    with closing(built_of([(*day, cell) for days, cell in cells for day in days])) as connection:
        changes = connection.execute(
            "select currency, channels from marts.rate_changes order by all"
        ).fetchall()
        turns = connection.execute("select currency, channels from marts.rates_in_turn").fetchall()
    assert (changes, turns) == ([("USD", 2), ("USD", None)], [("EUR", None)])


def test_minutes_and_cost_of_turns_are_those_of_each_rate() -> None:
    with closing(built(periods(*weeks(10)))) as connection:
        figures = connection.execute(
            "select switches, lower_minutes, lower_cost, higher_minutes, higher_cost from marts.rates_in_turn"
        ).fetchall()
    # Ten weekends; the weekdays after the first of them.
    assert figures == [(19, 200, Decimal("0.4"), 450, Decimal("1.8"))]


# Changes


def test_lasting_change_is_not_a_turn() -> None:
    assert told(periods((A, 100), (B, 100))) == ([(at(100), A, B)], [])


def test_month_of_a_promotion_is_two_changes() -> None:
    assert told(periods((B, 90), (A, 31), (B, 90))) == ([(at(90), B, A), (at(121), A, B)], [])


def test_regions_that_change_one_after_the_other_are_a_change() -> None:
    rollout = [{A: 100}] * 60 + [{A: 70, B: 30}] * 40 + [{A: 30, B: 70}] * 40 + [{B: 100}] * 100
    days = [(at(number), minutes) for number, minutes in enumerate(rollout)]
    assert told(days).changes == [(at(100), A, B)]


def test_days_of_transition_only_delay_a_change() -> None:
    days = periods((A, 50), (B, 1), (A, 1), (B, 1), (A, 1), (B, 60))
    assert told(days[:60]) == ([], [("in turn", A, B, at(50), at(59), False)])
    assert told(days).changes == [(at(54), A, B)]


def test_rate_that_stays_after_turns_is_a_change() -> None:
    days = periods(*[(A, 7), (B, 7)] * 6, ("0.004", 14))
    assert told(days[: 77 + 14]).changes == []
    assert told(days) == ([(at(77), A, B)], [("in turn", A, B, at(7), at(77), True)])
    with closing(built(days)) as connection:
        assert connection.execute("select known_on from marts.rate_changes").fetchall() == [(at(92),)]


def test_change_of_one_of_two_weekly_rates_is_found() -> None:
    found = told(periods(*[(A, 7), (B, 7)] * 4, *[(A, 7), (C, 7)] * 4))
    assert found.changes == [(at(63), B, C)]
    assert [turn[:3] for turn in found.turns] == [("in turn", A, B), ("in turn", A, C)]


def test_change_of_the_weekday_rate_is_found() -> None:
    assert told(periods(*weeks(8), *weeks(8, weekday=C))).changes == [(at(56), B, C)]


def test_change_of_both_rates_names_what_each_replaced() -> None:
    found = told(periods(*[(B, 7), (A, 7)] * 4, *[(D, 7), (C, 7)] * 4))
    assert found.changes == [(at(56), B, D), (at(63), A, C)]


def test_change_after_a_short_last_turn_is_found() -> None:
    """The last time, 0.002 is charged for a single day. Before, the change was not shown."""
    days = periods((A, 7), (B, 7), (A, 7), (B, 7), (A, 1), (B, 60))
    assert told(days) == ([(at(21), A, B)], [("in turn", A, B, at(7), at(29), True)])


def test_rates_of_weekdays_and_weekends_replaced_together() -> None:
    """Before, the one of weekends was not shown, because it never lasts."""
    days = periods(*weeks(8), *weeks(8, weekday=D, weekend=C))
    assert told(days).changes == [(at(56), B, D), (at(61), A, C)]
    with closing(built(days)) as connection:
        known = connection.execute("select known_on from marts.rate_changes order by changed_on").fetchall()
    assert known == [(at(56),), (at(70),)]  # the fourth switch between the new rates


def test_change_of_the_weekend_rate_is_found() -> None:
    days = periods(*weeks(8), *weeks(8, weekend=C))
    assert told(days).changes == [(at(61), A, C)]
    # On Monday, 3 March, they switched last; until 17 March, it is not known that the old one is gone.
    assert told(days[:71]).changes == []
    assert told(days[:72]).changes == [(at(61), A, C)]


def test_short_rate_between_turns_is_not_a_change() -> None:
    days = periods(*weeks(4), *[(B, 1), (C, 1)] * 3, *weeks(8))
    assert told(days).changes == []


# Tiers


def test_volume_tiers_are_found_once() -> None:
    """Before, they were two changes a month."""
    days = months(2000, [100, 110, 120, 90, 105, 100])
    with closing(built(days)) as connection:
        found = told_by(connection)
        tier = connection.execute(
            "select first_rate, threshold_minutes, tier_months from marts.rates_in_turn"
        ).fetchall()
    assert found == ([], [("volume tier", A, B, date(2025, 1, 21), date(2025, 6, 30), False)])
    assert tier == [(Decimal(B), 2000, 6)]


def test_tier_reached_in_few_months_is_not_a_change() -> None:
    days = months(2000, [100, 50, 40, 50, 60, 100, 50, 50])
    assert told(days) == ([], [("volume tier", A, B, date(2025, 1, 21), date(2025, 8, 31), False)])


def test_tier_reached_in_one_month_is_two_changes() -> None:
    days = months(2000, [50, 50, 100, 50])
    assert told(days).changes == [(date(2025, 3, 21), B, A), (date(2025, 4, 1), A, B)]


def test_tier_of_a_month_in_utc_is_found_in_other_zones() -> None:
    """The vendor's month begins some hours later than ours, or earlier."""
    plain_days = dict(months(2000, [100] * 6))
    later = {day: minutes if day.day > 1 else {A: 5, B: 95} for day, minutes in plain_days.items()}
    earlier = {
        day: minutes if (day + timedelta(days=1)).day > 1 else {A: 95, B: 5}
        for day, minutes in plain_days.items()
    }
    for days in (later, earlier):
        assert [turn[0] for turn in told(days.items()).turns] == ["volume tier"]


def test_three_tiers_are_found_as_pairs() -> None:
    days = [
        (day, {D if day.day <= 10 else B if day.day <= 20 else A: 100}) for day, _ in months(1, [1, 1, 1, 1])
    ]
    with closing(built(days)) as connection:
        tiers = connection.execute(
            "select first_rate, lower_rate, threshold_minutes from marts.rates_in_turn order by all desc"
        ).fetchall()
        assert told_by(connection).changes == []
    assert [(plain(first), plain(lower), minutes) for first, lower, minutes in tiers] == [
        (D, B, 1000),
        (D, A, 2000),
        (B, A, 2000),
    ]


def test_change_to_another_schedule_of_tiers_is_found() -> None:
    """The same thresholds, and both rates higher."""
    days = [*months(2000, [100] * 4), *months(2000, [100] * 4, (D, C), date(2025, 5, 1))]
    found = told(days)
    assert found.changes == [(date(2025, 5, 1), B, D), (date(2025, 5, 21), A, C)]
    assert [turn[:4] for turn in found.turns] == [
        ("volume tier", A, B, date(2025, 1, 21)),
        ("volume tier", C, D, date(2025, 5, 21)),
    ]


def test_other_threshold_is_another_tier() -> None:
    days = [*months(1000, [100] * 4), *months(2000, [100] * 4, first=date(2025, 5, 1))]
    with closing(built(days)) as connection:
        tiers = connection.execute(
            "select since, last_day, threshold_minutes from marts.rates_in_turn order by since"
        ).fetchall()
        assert told_by(connection).changes == []
    assert tiers == [
        (date(2025, 1, 11), date(2025, 4, 30), 1000),
        (date(2025, 5, 1), date(2025, 8, 31), 2000),
    ]


def test_end_of_tiers_is_a_change() -> None:
    """All minutes at the first rate from May on: a third more than the tier begins with."""
    days = [*months(2000, [100] * 4), *months(9999, [100] * 2, first=date(2025, 5, 1))]
    assert told(days).changes == [(date(2025, 5, 1), A, B)]
    flat = [*months(2000, [100] * 4), *months(0, [100] * 4, first=date(2025, 5, 1))]
    assert told(flat).changes == [(date(2025, 4, 21), B, A)]


# Side by side


def test_day_and_night_rates_are_side_by_side() -> None:
    """Before, they were shown nowhere."""
    found = told(shares(({A: 20, B: 80}, 150)))
    assert found == ([], [("side by side", A, B, at(0), at(149), False)])


def test_share_just_below_a_tenth_is_not_side_by_side() -> None:
    assert told(shares(({A: 10, B: 90}, 150))).turns != []
    assert told(shares(({A: 99, B: 901}, 150))).turns == []


def test_tenth_is_one_of_all_charged_minutes() -> None:
    """Of three regions, the smallest with a tenth; another rate with less; and free minutes, which do not count."""
    days = shares(({A: 60, B: 29, C: 10, D: 1, "0": 900}, 30))
    assert [turn[:3] for turn in told(days).turns] == [
        ("side by side", A, B),
        ("side by side", A, C),
        ("side by side", B, C),
    ]


def test_side_by_side_takes_fourteen_days() -> None:
    assert told(shares(({A: 20, B: 80}, 13), ({B: 100}, 10))).turns == []
    assert len(told(shares(({A: 20, B: 80}, 14), ({B: 100}, 10))).turns) == 1


def test_side_by_side_takes_half_of_the_days_with_minutes() -> None:
    both, one = {A: 20, B: 80}, {B: 100}
    assert len(told(shares(*[(both, 1), (one, 1)] * 30)).turns) == 1  # 30 of 59
    assert told(shares(*[(both, 1), (one, 1)] * 29, (one, 1), (both, 1))).turns != []  # 30 of 60
    assert told(shares(*[(both, 1), (one, 1)] * 29, (one, 2), (both, 1))).turns == []  # 30 of 61
    # An office that is closed every other day.
    closed = [day for number, day in enumerate(shares((both, 60))) if number % 2 == 0]
    assert len(told(closed).turns) == 1


def test_side_by_side_ends_and_begins_again() -> None:
    both, one = {A: 20, B: 80}, {B: 100}
    days = shares((both, 40), (one, 14), (both, 40))
    # Days 15 apart belong together no more.
    assert told(days).turns == [
        ("side by side", A, B, at(0), at(39), True),
        ("side by side", A, B, at(54), at(93), False),
    ]
    assert told(shares((both, 40), (one, 13), (both, 40))).turns == [
        ("side by side", A, B, at(0), at(92), False)
    ]
    assert [turn[4:] for turn in told(days[:54]).turns] == [(at(39), False)]
    assert [turn[4:] for turn in told(days[:55]).turns] == [(at(39), True)]


def test_free_minutes_do_not_end_side_by_side() -> None:
    """As for turns, days without charged minutes say nothing."""
    days = shares(({A: 20, B: 80}, 40), ({"0": 100}, 40))
    assert told(days).turns == [("side by side", A, B, at(0), at(39), False)]


def test_gradual_rollout_is_only_a_change() -> None:
    """The share of the new rate grows by a hundredth a day, and later by three: 0.002 stops prevailing halfway."""
    steady = [{A: 100 - share, B: share} for share in range(1, 100)]
    days = shares(({A: 100}, 60), *[(minutes, 1) for minutes in steady], ({B: 100}, 100))
    assert told(days).changes == [(at(109), A, B)]
    assert [turn[0] for turn in told(days).turns] == ["in turn"]  # both are in use before and after
    fast = shares(({A: 100}, 60), *[(minutes, 1) for minutes in steady[::5]], ({B: 100}, 100))
    assert told(fast) == ([(at(70), A, B)], [])


def test_rollout_that_ends_at_once_is_only_a_change() -> None:
    days = shares(({A: 100}, 60), ({A: 60, B: 40}, 40), ({B: 100}, 60))
    assert told(days) == ([(at(100), A, B)], [])
    # Until the new rate prevails, nobody can know.
    assert told(days[:100]).turns == [("side by side", A, B, at(60), at(99), False)]


def test_rollout_that_begins_at_once_is_only_a_change() -> None:
    days = shares(({A: 100}, 60), ({A: 40, B: 60}, 40), ({B: 100}, 60))
    assert told(days) == ([(at(60), A, B)], [])


def test_night_rate_that_is_given_up_was_side_by_side() -> None:
    """For 300 days both were charged; the change on the day after does not say so."""
    days = shares(({A: 60, B: 40}, 300), ({B: 100}, 60))
    assert told(days) == ([(at(300), A, B)], [("side by side", A, B, at(0), at(299), True)])


def test_old_rate_that_remains_at_night_is_side_by_side() -> None:
    """The change says that most minutes cost 0.004 now, and not that 0.002 remains."""
    days = shares(({A: 100}, 60), ({A: 40, B: 60}, 100))
    assert told(days) == ([(at(60), A, B)], [("side by side", A, B, at(60), at(159), False)])
    # For two months it may as well be a rollout.
    assert told(days[:123]) == ([(at(60), A, B)], [])
    assert len(told(days[:124]).turns) == 1


def test_change_to_a_third_rate_does_not_hide_rates_side_by_side() -> None:
    days = shares(({A: 30, B: 70}, 60), ({C: 100}, 60))
    assert told(days) == ([(at(60), B, C)], [("side by side", A, B, at(0), at(59), True)])


def test_turns_of_the_same_rates_are_shown_once() -> None:
    """Two regions share all days. Once the smaller one has more minutes for good, they are in turn since then."""
    days = shares(({A: 60, B: 40}, 100), ({A: 40, B: 60}, 100))
    assert told(days) == ([], [("in turn", A, B, at(100), at(199), False)])
    weekly = shares(*[({A: 70, B: 30}, 7), ({A: 30, B: 70}, 7)] * 6)
    assert told(weekly) == ([], [("in turn", A, B, at(7), at(83), False)])


def test_turns_and_then_rates_side_by_side_are_both_shown() -> None:
    turns = periods(*[(A, 7), (B, 7)] * 4, (B, 30))
    days = [*turns, *shares(({A: 30, B: 70}, 30), first=at(86))]
    assert told(days).turns == [
        ("in turn", A, B, at(7), at(49), True),
        ("side by side", A, B, at(86), at(115), False),
    ]


def test_turns_of_other_rates_do_not_hide_rates_side_by_side() -> None:
    """A region has a rate of its own; in the other one, rates of weekdays and weekends take turns."""
    days = shares(*[({B: 60, C: 40}, 5), ({A: 60, C: 40}, 2)] * 10)
    assert told(days) == (
        [],
        [("side by side", B, C, at(0), at(67), False), ("in turn", A, B, at(5), at(69), False)],
    )


def test_switches_of_rates_side_by_side_are_counted() -> None:
    """On a single day, more minutes than usual are at the night rate."""
    days = shares(({A: 30, B: 70}, 20), ({A: 60, B: 40}, 1), ({A: 30, B: 70}, 20))
    with closing(built(days)) as connection:
        figures = connection.execute(
            "select kind, switches, lower_minutes, lower_cost, higher_minutes, higher_cost, first_rate, "
            "threshold_minutes, tier_months from marts.rates_in_turn"
        ).fetchall()
    assert figures == [("side by side", 2, 1260, Decimal("2.52"), 2840, Decimal("11.36"), None, None, None)]


def test_rows_of_the_second_reading_are_those_of_the_mart() -> None:
    """Turns, a tier and rates side by side, after one another, with minutes and cost."""
    days = [
        *periods(*weeks(4)),
        *shares(({C: 30, B: 70}, 40), ({A: 5, C: 60, B: 35}, 1), ({C: 30, B: 70}, 20), first=at(30)),
        *months(2000, [100] * 3, (D, A), first=date(2025, 5, 1)),
    ]
    facts = [
        {
            **{
                "account_sid": "A",
                "source": "DialVerb",
                "channels": None,
                "currency": "USD",
                "usage_date": day,
            },
            **{
                "is_priced": True,
                "rate": Fraction(rate),
                "billed_minutes": number,
                "cost": Decimal(rate) * number,
            },
        }
        for day, rates in days
        for rate, number in rates.items()
    ]
    recomputed = rates_in_turn(Given(Path(), Settings("UTC"), {"A": "support"}, {}), facts)
    with closing(built(days)) as connection:
        found = connection.execute("from marts.rates_in_turn order by since, kind")
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert {row["kind"] for row in rows} == {"in turn", "side by side", "volume tier"}
    assert sorted(recomputed, key=lambda row: (row["since"], row["kind"])) == rows


# Properties


@given(st.integers(3, 200), st.integers(3, 200), st.permutations([A, B, C]), st.sets(st.integers(0, 399)))
@settings(max_examples=25)
def test_single_change_is_never_in_turns(
    before: int, after: int, rates: list[str], missing: set[int]
) -> None:
    days = periods((rates[0], before), (rates[1], after))
    kept = [day for number, day in enumerate(days) if number not in missing]
    counts = [sum(rate in minutes for _, minutes in kept) for rate in rates[:2]]
    found = told(kept)
    assert found.turns == []
    assert len(found.changes) == (min(counts) >= 3)


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 80)), max_size=20))
@settings(max_examples=25)
def test_each_lasting_switch_is_in_exactly_one_mart(parts: list[tuple[str, int]]) -> None:
    """Except a switch that ends turns or replaces a rate of others: it is a change that the turns lead to.

    The other changes are those of a rate that never lasted before it took turns.
    """
    with closing(built(periods(*parts))) as connection:
        found = connection.execute(
            """
            select
                switched_on,
                (select count(*) from marts.rate_changes where changed_on = switched_on) as changes,
                (
                    select count(*) from marts.rates_in_turn as turns
                    where turns.lower_rate = switches.lower_rate and turns.higher_rate = switches.higher_rate
                    and switched_on between turns.since and last_day + 1
                ) as turns,
                switched_on in (select ended_on from marts.rate_turns)
                or switched_on in (select since from marts.rate_replacements) as is_edge,
            from marts.rate_switches as switches
            where is_lasting
            """
        ).fetchall()
        rows = connection.execute(
            """
            select count(*), (select count(distinct short_since) from marts.rate_replacements)
            from marts.rate_changes
            """
        ).fetchall()
    for _, changes, turns, is_edge in found:
        assert changes + turns == 1 or (is_edge and changes <= 1 and turns <= 1)
    short = rows[0][1]
    assert rows == [(sum(changes for _, changes, *_ in found) + short, short)]


def parts() -> st.SearchStrategy[list[tuple[Mapping[str, int], int]]]:
    """Return minutes a day, each for some days: one rate, or two or three at once."""
    one = st.sampled_from([A, B, C]).map(lambda rate: {rate: 100})
    two = st.tuples(st.sampled_from([(A, B), (B, C)]), st.integers(5, 95)).map(
        lambda drawn: {drawn[0][0]: drawn[1], drawn[0][1]: 100 - drawn[1]}
    )
    three = st.tuples(st.integers(5, 45), st.integers(5, 45)).map(
        lambda drawn: {A: drawn[0], B: drawn[1], C: 100 - sum(drawn)}
    )
    return st.lists(st.tuples(st.one_of(one, two, three), st.integers(1, 70)), max_size=16)


def compared(days: Sequence[Day]) -> None:
    """Compare the marts with a second reading of their definitions."""
    with closing(built(days)) as connection:
        found = told_by(connection)
        known = connection.execute("select known_on from marts.rate_changes order by changed_on").fetchall()
        tiers = connection.execute(
            "select switches, first_rate, threshold_minutes, tier_months from marts.rates_in_turn "
            "order by since, lower_rate, higher_rate"
        ).fetchall()
    given_days = {day: {Decimal(rate): number for rate, number in minutes.items()} for day, minutes in days}
    turns, changes = turns_and_changes(given_days)
    rows: list[tuple[str, Turns | Stretch, int, Tier | None]] = [
        *(("volume tier" if each.tier else "in turn", each, len(each.switches), each.tier) for each in turns),
        *(("side by side", each, each.switches, None) for each in side_by_side(given_days)),
    ]
    rows.sort(key=lambda row: (row[1].since, row[1].pair))
    assert found == Told(
        [(each.day, plain(each.before), plain(each.after)) for each in changes],
        [
            (kind, plain(each.pair[0]), plain(each.pair[1]), each.since, each.last_day, each.is_over)
            for kind, each, *_ in rows
        ],
    )
    assert known == [(each.known_on,) for each in changes]
    assert tiers == [
        (switches, *((tier.rate, tier.minutes, tier.months) if tier else [None] * 3))
        for _, _, switches, tier in rows
    ]


@given(parts(), st.sets(st.integers(0, 300), max_size=60))
@example(
    [({B: 10, C: 90}, 10), ({B: 51, C: 49}, 3), ({A: 100}, 3), ({B: 100}, 1), ({A: 100}, 1), ({B: 100}, 16)],
    set(),
)
@settings(max_examples=25)
def test_marts_agree_with_a_second_reading(
    drawn: list[tuple[Mapping[str, int], int]], missing: set[int]
) -> None:
    a_day = [minutes for minutes, days in drawn for _ in range(days)]
    compared([(at(number), minutes) for number, minutes in enumerate(a_day) if number not in missing])


@given(parts(), st.sets(st.integers(0, 300), max_size=60), st.integers(1, 400))
@settings(max_examples=25)
def test_later_days_do_not_undo_an_end(
    drawn: list[tuple[Mapping[str, int], int]], missing: set[int], known_days: int
) -> None:
    """Unless the two rates switch again within two months, or turn out to be a tier or both in use."""
    a_day = [minutes for minutes, days in drawn for _ in range(days)]
    days = [(at(number), minutes) for number, minutes in enumerate(a_day) if number not in missing]
    ends = """
        select
            [since, tier_until], [lower_rate, higher_rate, turns.first_rate], [turns.switches, most_days],
            [last_day, ended_on, case when ended_on is not null then known_on end],
            is_over and known_on is not null
        from marts.rate_turns as turns
        join marts.turn_switches as switches using (since, lower_rate, higher_rate)
    """
    with closing(built(days[:known_days])) as connection, closing(built(days)) as later:
        known = [row for row in connection.execute(ends).fetchall() if row[-1]]
        found = {str(row[:3]): row[3] for row in later.execute(ends).fetchall()}
    for *key, end, _ in known:
        assert found.get(str(tuple(key)), end) == end


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1000, 1050, 1051, 1400, 0]),
            st.sampled_from([20, 33, 50, 90]),
            st.sampled_from([(B, A), (B, A), (B, A), (B, C), (A, B)]),
        ),
        max_size=9,
    )
)
@settings(max_examples=25)
def test_tiers_agree_with_a_second_reading(drawn: list[tuple[int, int, tuple[str, str]]]) -> None:
    days: list[Day] = []
    for number, (threshold, a_day, rates) in enumerate(drawn):
        days += months(threshold, [a_day], rates, date(2025, number + 1, 1))
    compared(days)
