"""Runs whose records cannot be understood, all of them or most: they fail, and say why."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flows.emulator import Recording, open_living, serve
from flows.emulator.ledger import ledger as rendered
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, context_by, epoch_of, instant, made

SUPPORT = ACCOUNTS[0]
DAY = date(2026, 9, 14)
pytestmark = pytest.mark.builds("marts.daily_spend")


def recordings(*prices: str) -> list[Recording]:
    """Make recordings of a day, the newest first."""
    newest = len(prices)
    return [
        made(SUPPORT, newest - place, epoch_of(DAY, 60 * (newest - place)), price=Decimal(price))
        for place, price in enumerate(prices)
    ]


def run(data_dir: Path, ledger: Sequence[Recording], day: date, **settings: Any) -> RunSummary:
    """Run on a day against an API that sends prices of 9 as text that is not a number."""

    def price(sign: str, amount: Decimal) -> str:
        return '"a fortune"' if amount == 9 else f'"{sign}{amount}"'

    forms: dict[str, Callable[[str, Decimal], str]] = {"text": price}
    with patch.object(rendered, "PRICE_FORMS", forms), serve(open_living(ledger)) as emulator:
        context = context_by(
            lambda: instant(epoch_of(day, 40_000)), accesses_of(emulator), data_dir, **settings
        )
        return perform(context, RunRequest(first=DAY))


@pytest.mark.parametrize(
    ("prices", "exit_code"),
    [(["9"], 1), (["9", "9", "9"], 1), (["9", "9", "1"], 1), (["9", "1"], 0), (["9", "1", "1"], 0)],
)
def test_run_fails_when_most_records_are_rejected(prices: list[str], exit_code: int, tmp_path: Path) -> None:
    summary = run(tmp_path, recordings(*prices), date(2026, 9, 16))
    assert (summary.exit_code, summary.rejected) == (exit_code, prices.count("9"))
    stopping = summary.stopping_checks
    assert [result.check.name for result in stopping] == ["most_records_are_rejected"] * exit_code
    if stopping:
        assert "commonest_reason=price is not a number that fits" in stopping[0].sample[0]
        assert '"a fortune" is not a number that fits' in stopping[0].sample[0]
        assert summary.report is None


def test_run_fails_when_only_its_new_records_are_rejected(tmp_path: Path) -> None:
    good = recordings(*["1"] * 30)
    assert run(tmp_path, good, date(2026, 9, 15)).exit_code == 0
    bad = [made(SUPPORT, 100 + n, epoch_of(date(2026, 9, 22), n), price=Decimal(9)) for n in (2, 1)]
    summary = run(tmp_path, [*bad, *good], date(2026, 9, 22))
    assert [result.check.name for result in summary.stopping_checks] == ["most_records_are_rejected"]
    sample = summary.stopping_checks[0].sample
    assert any("part=newest 7 days, records=2, rejected=2" in found for found in sample)


def test_share_of_rejects_that_fails_is_a_setting(tmp_path: Path) -> None:
    ledger = recordings("9", "1", "1", "1")
    assert (
        run(tmp_path / "a", ledger, date(2026, 9, 16), rejected_share_failure=Decimal("0.2")).exit_code == 1
    )
    assert (
        run(tmp_path / "b", ledger, date(2026, 9, 16), rejected_share_failure=Decimal("0.3")).exit_code == 0
    )
