from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.command.main import app
from flows.stage import utc_now
from transforms.errors import ConfigError

ASKED: list[tuple[str, list[int]]] = []


def known(place: str, years: Iterable[int]) -> dict[date, str]:
    """Return two days a year; one name has a comma."""
    ASKED.append((place, list(years)))
    return {
        day: name
        for year in years
        for day, name in ((date(year, 1, 1), "New Year"), (date(year, 5, 1), "May Day, or Labor Day"))
    }


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, no_settings: None) -> None:
    ASKED.clear()
    monkeypatch.setattr("flows.stores.holidays.public_holidays", known)


def run(*arguments: str) -> str:
    return CliRunner().invoke(app, ["holidays", *arguments], catch_exceptions=False).output


def test_holidays_are_added_once_and_other_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "data" / "reference" / "holidays.csv"
    path.parent.mkdir(parents=True)
    own = "account_sid,day,name\r\n,2026-01-01,our own name\r\nA1,2026-03-03,founders' day"
    path.write_bytes(own.encode())

    assert "DE-BY has 4 holidays from 2026 to 2027; 3 of them are new" in run("de-by", "--years", "2026-2027")
    added = ',2026-05-01,"May Day, or Labor Day"\n,2027-01-01,New Year\n,2027-05-01,"May Day, or Labor Day"\n'
    assert path.read_bytes().decode() == f"{own}\n{added}"
    assert "0 of them are new" in run("DE-BY", "--years", "2026-2027")
    assert path.read_bytes().decode() == f"{own}\n{added}"


def test_holidays_of_one_account_are_added_with_its_sid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", "A1")
    monkeypatch.setenv("RECSPEND_ACCOUNT_NAME", "support")
    run("DE", "--account", "support", "--years", "2026")
    assert (tmp_path / "data" / "reference" / "holidays.csv").read_text("utf-8") == (
        'account_sid,day,name\nA1,2026-01-01,New Year\nA1,2026-05-01,"May Day, or Labor Day"\n'
    )
    with pytest.raises(ConfigError, match="There is no account sales"):
        run("DE", "--account", "sales")


def test_holidays_cover_three_years_back_and_the_next() -> None:
    run("DE")
    year = utc_now().year
    ((place, years),) = ASKED
    assert (place, years) == ("DE", [year - 3, year - 2, year - 1, year, year + 1])


@pytest.mark.parametrize("years", ["26", "2027-2026", "2000-2051", "2026-", "x"])
def test_holidays_refuse_what_is_not_a_span_of_years(years: str) -> None:
    with pytest.raises(ConfigError, match="is not a year or a span of years"):
        run("DE", "--years", years)
