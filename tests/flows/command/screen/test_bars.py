"""A mart on terminals of different widths."""

import io
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from rich.cells import cell_len
from rich.console import Console

from flows.command.screen.bars import fitted

SUM = pa.decimal128(38, 9)


def spend(**columns: object) -> pa.Table:
    given = {
        "month": pa.array([date(2026, 9, 1)] * 4, pa.date32()),
        "source": ["Conference", "DialVerb", "DialVerb", "Trunking"],
        "currency": ["EUR", "EUR", "USD", "XXX"],
        "recordings": [1, 20, 300, 4000],
        "unpriced_recordings": [0, 0, 0, 4000],
        "billed_minutes": [1234567, 20, 300, 4000],
        "cost": pa.array([Decimal("10.25"), Decimal("41"), Decimal("0.000000001"), None], SUM),
    }
    return pa.table({**given, **columns})


def lines(rows: pa.Table, width: int, *title: str) -> list[str]:
    with io.StringIO() as text:
        console = Console(file=text, width=width, highlight=False)
        console.print(*fitted(rows, title or ["spend_by_source"], width), sep="\n")
        return [line.rstrip() for line in text.getvalue().splitlines()]


def bars(rows: pa.Table) -> list[int]:
    """Return the length of each bar in eighths of a character, for rows of one line."""
    eighths = " ▏▎▍▌▋▊▉█"
    shown = [line for line in lines(rows, 200) if not line.startswith(("Total", "Not shown"))]
    body = shown[next(n for n, line in enumerate(shown) if line.startswith("─")) + 1 :]
    return [sum(eighths.index(sign) for sign in line if sign in eighths[1:]) for line in body]


def test_bars_show_all_columns_when_there_is_room() -> None:
    assert lines(spend(), 100) == [
        "spend_by_source 2026-09",
        "                                    unpriced     billed",
        "source      currency  recordings  recordings    minutes          cost",
        "─" * 81,
        "Conference  EUR                1           0  1,234,567  10.250000000  ██▌",
        "DialVerb    EUR               20           0         20  41.000000000  ██████████",
        "DialVerb    USD              300           0        300   0.000000001  ██████████",
        "Trunking    XXX             4000        4000      4,000             -",
        "Total cost: 51.25 EUR, 0.000000001 USD",
    ]


def test_bars_name_the_figures_that_do_not_fit() -> None:
    shown = lines(spend(), 50)
    assert shown[1] == "source      currency          cost"
    assert shown[4] == "DialVerb    EUR       41.000000000  ██████████"
    assert "Not shown: recordings, unpriced_recordings," in shown
    assert " ".join(shown).endswith("Pipe the output to get every column.")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize(
    "name", ["x", "a name that is far longer than any column should be " * 3, "🎧 漢字 " * 9]
)
def test_bars_fit_the_width_of_the_terminal(width: int, name: str) -> None:
    rows = spend(account_sid=["AC-1"] * 4, account_name=[name, "b", "c", "d"])
    assert max(cell_len(line) for line in lines(rows, width)) <= width
    assert "AC-1" not in "\n".join(lines(rows, width))


def test_bar_is_scaled_within_its_currency() -> None:
    assert bars(spend()) == [20, 80, 80, 0]


def test_negative_difference_has_a_bar_of_its_size() -> None:
    costs = [Decimal(-4), Decimal(2), Decimal(0), None]
    assert bars(spend(cost=pa.array(costs, SUM), currency=["USD"] * 4)) == [80, 40, 0, 0]


def test_mart_without_money_is_scaled_by_its_counts() -> None:
    rows = pa.table({"account_name": ["a", "b"], "recordings": [1, 2], "median_days": [7, 1]})
    assert bars(rows) == [40, 80]
    assert not any(line.startswith("Total") for line in lines(rows, 80))


def test_mart_with_texts_only_has_no_bars() -> None:
    rows = pa.table({"account_name": ["a", "b"], "note": ["x", None]})
    assert lines(rows, 80)[-1] == "b        -"


def test_bars_say_that_there_are_no_rows() -> None:
    assert lines(spend().slice(0, 0), 80) == ["No rows."]


def test_bars_show_names_as_they_are() -> None:
    rows = spend(source=["[red]x[/red]", ":smile:", "<b>", "y"])
    assert {"[red]x[/red]", ":smile:", "<b>"} <= {line.split("  ")[0] for line in lines(rows, 100)}


def test_bars_title_shows_the_filter_and_shared_values() -> None:
    rows = spend(account_name=["sales"] * 4)
    assert lines(rows, 120, "spend_by_account", "2026-09", "sales")[0] == "spend_by_account 2026-09 sales"
    assert lines(rows, 120, "spend_by_account")[0] == "spend_by_account 2026-09 sales"


def test_rates_show_four_digits_and_amounts_all() -> None:
    rows = spend(
        cost=pa.array([Decimal("0.123456")] * 4, SUM),
        effective_rate=pa.array([Decimal("0.123456"), None, Decimal("0.5"), Decimal(0)], SUM),
    )
    (line,) = (line for line in lines(rows, 200) if line.startswith("Conference"))
    assert "0.123456 " in line
    assert "0.1235" in line
