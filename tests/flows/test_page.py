"""The report page as a reader sees it, in a browser, against the warehouse of the same run."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from browser import asked_for, cards, choose, chromium, complaints, look_at, table, violations
from ledger_runs import accesses_of, rows_of, work_for
from selenium.webdriver import Chrome

from flows.emulator import Parameters, open_ledger, serve
from flows.job import Job
from flows.report import report
from flows.settings import shipped
from flows.stages import perform

ODD_NAMES = [  # markup, right to left with an override, emoji, quotes and a long one
    "<script>document.title = 'taken over'</script>",
    "مكتب الدعم \u202eabc",
    "☎️ 'Straße' \"&\" " + "a long name " * 12 + "ends",
]

NOTHING = "\N{EN DASH}"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over three accounts with odd names, several currencies and some prices to come."""
    folder = tmp_path_factory.mktemp("page") / "data"
    with serve(open_ledger(Parameters(7, 3000, 3), tmp_path_factory.mktemp("rendered"))) as emulator:
        work = work_for(accesses_of(emulator), folder, report_page=True)
        for (sid, _), name in zip(list(work.names.items()), ODD_NAMES, strict=True):
            work.names[sid] = name
        assert perform(work, Job("run")).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as running:
        yield running


def spend(data_dir: Path, where: str, key: str) -> dict[str, tuple[str, str, str, str]]:
    """What the warehouse says: recordings, unpriced ones, minutes and cost by key, as the page writes them."""
    rows = rows_of(
        data_dir,
        f"select {key} as key, sum(recordings)::bigint as recordings, sum(unpriced_recordings)::bigint as unpriced, "
        f"sum(billed_minutes)::bigint as minutes, sum(cost) as cost from marts.daily_spend where {where} group by all",
    )
    return {
        str(row["key"]): (
            f"{row['recordings']:,}",
            f"{row['unpriced']:,}",
            f"{row['minutes']:,}",
            NOTHING if row["cost"] is None else money(row["cost"]),
        )
        for row in rows
    }


def money(cost: Decimal) -> str:
    """All digits, without zeros that say nothing."""
    return f"{cost.normalize():,f}"


def on_the_page(browser: Chrome, caption: str, key: str) -> dict[str, tuple[str, str, str, str]]:
    found = {}
    for row in table(browser, caption):
        cost = row["cost"]
        cost = cost if cost == NOTHING else money(Decimal(cost.replace(",", "")))
        found[row[key]] = (row["recordings"], row["unpriced"], row["billed minutes"], cost)
    return found


def everything(browser: Chrome, page: Path) -> None:
    look_at(browser, page)
    choose(browser, span="4")


def test_the_page_asks_nobody_for_anything_and_has_nothing_to_complain_of(
    browser: Chrome, data_dir: Path
) -> None:
    asked_for(browser), complaints(browser)
    page = data_dir / "reports" / "report.html"
    everything(browser, page)
    assert asked_for(browser) == [page.as_uri()]
    assert complaints(browser) == []
    assert browser.title == "Recording spend"
    assert page.stat().st_size < 3_000_000


def test_odd_names_stay_text(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    shown = set()
    for currency in ("USD", "EUR", "GBP"):
        choose(browser, currency=currency)
        shown |= {row["account"] for row in table(browser, "Spend by account")}
    assert shown == set(ODD_NAMES)
    assert browser.title == "Recording spend"


def test_filters_change_the_numbers_to_what_the_warehouse_says(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    for currency in ("USD", "EUR", "GBP"):
        choose(browser, currency=currency)
        where = f"currency = '{currency}'"
        assert on_the_page(browser, "Spend by source", "source") == spend(data_dir, where, "source")
        assert on_the_page(browser, "Spend by account", "account") == spend(data_dir, where, "account_name")
        by_channels = spend(data_dir, where, "coalesce(channels::varchar, 'unknown')")
        assert on_the_page(browser, "Spend by channels", "channels") == by_channels
    (account,) = rows_of(
        data_dir, "select account_sid from marts.daily_spend where currency = 'USD' and cost > 0 limit 1"
    )
    choose(
        browser,
        currency="USD",
        accounts=[account["account_sid"]],
        **{"from": "2026-09-07", "to": "2026-09-20"},
    )
    where = (
        f"currency = 'USD' and account_sid = '{account['account_sid']}' "
        "and usage_date between date '2026-09-07' and date '2026-09-20'"
    )
    assert on_the_page(browser, "Spend by source", "source") == spend(data_dir, where, "source")
    assert on_the_page(browser, "Spend by day", "day") == spend(data_dir, where, "usage_date")


def test_the_cards_hold_each_currency_by_itself_and_what_is_missing(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    shown = cards(browser)
    expected = spend(data_dir, "cost is not null", "currency")
    assert {
        name.removeprefix("Spend, "): figure for name, figure in shown.items() if name.startswith("Spend")
    } == {currency: cost for currency, (_, _, _, cost) in expected.items()}
    (whole,) = spend(data_dir, "true", "'all'").values()
    assert (shown["Recordings"], shown["Without a price"]) == whole[:2]
    assert (shown["Days not covered"], shown["Records not understood"], shown["Checks"]) == (
        "0",
        "0",
        "all passed",
    )


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits_and_can_be_read_by_everybody(
    browser: Chrome, data_dir: Path, width: int, dark: bool
) -> None:
    look_at(browser, data_dir / "reports" / "report.html", width=width, dark=dark)
    assert violations(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    charts = browser.execute_script(
        """
        const charts = [...document.querySelectorAll(".chart")].filter((chart) => !chart.parentElement.hidden);
        const marks = ".mark-rect path, .mark-symbol path";
        return charts.map((chart) =>
          [chart.id, chart.getAttribute("aria-label"), chart.querySelectorAll(marks).length]);
        """
    )
    assert len(charts) == 4
    for name, words, marks in charts:
        assert marks > 0, name
        assert len(words) > 20


def test_an_unchanged_page_is_left_alone(data_dir: Path) -> None:
    page = data_dir / "reports" / "report.html"
    before = page.stat().st_mtime_ns
    assert report(data_dir, shipped("sql")).written == 0
    assert page.stat().st_mtime_ns == before


def test_a_lake_without_recordings_has_a_page_that_says_so(browser: Chrome, tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(7, 0, 1), tmp_path / "rendered")) as emulator:
        assert perform(work_for(accesses_of(emulator), tmp_path, report_page=True), Job("run")).exit_code == 0
    look_at(browser, tmp_path / "reports" / "report.html")
    assert cards(browser)["Recordings"] == "0"
    assert complaints(browser) == []
    assert violations(browser) == []
