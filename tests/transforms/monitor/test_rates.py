"""Findings: rates."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from transforms.monitor.findings import RECENT_DAYS
from transforms.monitor.rates import rate_changes, rate_differences, rates_in_turn

AS_OF = date(2026, 9, 30)
ACCOUNT = {"account_sid": "A1", "account_name": "support", "currency": "USD"}
RECORDED = {**ACCOUNT, "source": "DialVerb", "channels": 2}


def test_rate_change_finding_for_recent_changes() -> None:
    row = {
        **RECORDED,
        "changed_on": date(2026, 9, 16),
        "known_on": date(2026, 9, 16),
        "rate_before": Decimal("0.005400"),
        "rate_after": Decimal("0.005800"),
        "change_percent": Decimal("7.41"),
    }
    long_ago = AS_OF - timedelta(days=RECENT_DAYS)
    old = {**row, "changed_on": long_ago, "known_on": long_ago}
    mono = {**row, "channels": 1, "rate_before": Decimal("0.000000"), "change_percent": None}
    found, other = rate_changes([row, old, mono], AS_OF)
    assert found.key == "rate.changed 2026-09-16 A1 DialVerb 2 USD"
    assert found.sentence == (
        "support: since 2026-09-16 a minute of DialVerb (2 channels) costs 0.0058 USD instead of 0.0054 USD (+7.41 %)."
    )
    assert other.sentence.endswith("of DialVerb (1 channel) costs 0.0058 USD instead of 0.0000 USD.")


def difference(amount: str, **values: Any) -> dict[str, Any]:
    return {
        **RECORDED,
        "first_day": date(2026, 9, 1),
        "last_day": date(2026, 9, 30),
        "priced_minutes": 1000,
        "cost": Decimal("2.500000000") + Decimal(amount),
        "cost_due": Decimal("2.500000000"),
        "difference": Decimal(amount),
        "priced_recordings": 100,
        "overcharged": max(Decimal(amount), Decimal(0)),
        "undercharged": max(-Decimal(amount), Decimal(0)),
        **values,
    }


def test_rate_difference_over_many_days_is_one_finding() -> None:
    found, less = rate_differences([difference("0.3"), difference("-0.3", channels=None)])
    assert (found.subject, less.subject) == ("A1 DialVerb 2 USD more", "A1 DialVerb None USD less")
    assert found.sentence == (
        "support: 2.80 USD was charged for 1,000 minutes of DialVerb (2 channels), 2026-09-01 to 2026-09-30: "
        "0.30 USD more than the rate card says."
    )
    assert "DialVerb (unknown channels)" in less.sentence


def test_rate_difference_below_six_decimals_is_rounding() -> None:
    assert rate_differences([difference("0.000499999"), difference("-0.000000001")]) == []
    assert len(rate_differences([difference("0.0005"), difference("-0.0005")])) == 2


def test_rate_differences_that_cancel_out_are_found() -> None:
    both = {"overcharged": Decimal("0.5"), "undercharged": Decimal("0.5")}
    (found,) = rate_differences([difference("0", **both)])
    assert found.subject == "A1 DialVerb 2 USD mixed"
    assert found.sentence.endswith(
        "0.50 USD more for some recordings and 0.50 USD less for others than the rate card says."
    )


def test_rate_differences_of_rounded_prices_are_not_found() -> None:
    """Half of the fifth decimal for each of 100 recordings, in both directions."""
    rounding = {"overcharged": Decimal("0.0005"), "undercharged": Decimal("0.0005")}
    assert rate_differences([difference("0", **rounding)]) == []
    more = {name: amount + Decimal("0.000000001") for name, amount in rounding.items()}
    assert len(rate_differences([difference("0", **more)])) == 1


def test_rate_change_percentage_has_thousands_separators() -> None:
    row = {
        **RECORDED,
        "changed_on": date(2026, 7, 16),
        "known_on": date(2026, 9, 16),  # after rates that took turns
        "rate_before": Decimal("0.000100"),
        "rate_after": Decimal("0.012345"),
        "change_percent": Decimal("12245.00"),
    }
    (found,) = rate_changes([row], AS_OF)
    assert found.sentence.endswith("(+12,245.00 %).")


TURNS: dict[str, Any] = {
    **RECORDED,
    "kind": "in turn",
    "since": date(2026, 3, 2),
    "last_day": date(2026, 9, 29),
    "is_over": False,
    "lower_rate": Decimal("0.002000"),
    "higher_rate": Decimal("0.004000"),
    "switches": 60,
    "first_rate": None,
    "threshold_minutes": None,
}


def test_rates_in_turn_are_one_finding_however_often() -> None:
    (found,) = rates_in_turn([TURNS], AS_OF)
    (later,) = rates_in_turn([{**TURNS, "switches": 62, "last_day": AS_OF}], AS_OF)
    assert found.key == later.key == "rate.in_turn 2026-03-02 A1 DialVerb 2 USD 0.002000 0.004000"
    assert found.sentence == (
        "support: since 2026-03-02 a minute of DialVerb (2 channels) costs 0.002 USD and 0.004 USD in turn."
    )


def test_rates_in_turn_are_not_found_when_over_or_old() -> None:
    over = {**TURNS, "is_over": True}
    silent = {**TURNS, "last_day": AS_OF - timedelta(days=RECENT_DAYS)}
    assert rates_in_turn([over, silent], AS_OF) == []


def test_rates_side_by_side_are_one_finding_while_they_are() -> None:
    row = {**TURNS, "kind": "side by side", "switches": 0}
    (found,) = rates_in_turn([row], AS_OF)
    (later,) = rates_in_turn([{**row, "switches": 2, "last_day": AS_OF}], AS_OF)
    assert found.key == later.key == "rate.in_turn 2026-03-02 A1 DialVerb 2 USD 0.002000 0.004000"
    assert found.sentence == (
        "support: since 2026-03-02 a minute of DialVerb (2 channels) costs 0.002 USD or 0.004 USD, both on most days."
    )
    assert rates_in_turn([{**row, "is_over": True}], AS_OF) == []


def test_volume_tier_finding_names_the_threshold() -> None:
    tier = {**TURNS, "kind": "volume tier", "first_rate": TURNS["higher_rate"], "threshold_minutes": 10000}
    rising = {**tier, "first_rate": TURNS["lower_rate"]}
    falling, other = rates_in_turn([tier, rising], AS_OF)
    assert falling.sentence.endswith(
        " costs 0.004 USD up to about 10,000 minutes a month, and 0.002 USD after that."
    )
    assert other.sentence.endswith(
        "costs 0.002 USD up to about 10,000 minutes a month, and 0.004 USD after that."
    )
