"""The report page as a reader sees it in a browser, compared with the warehouse of the same run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from flows.emulator import Parameters, open_living, serve
from flows.report.report import report
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.shipped import shipped
from tests.support.report_page.browser import (
    cards,
    charts,
    choose,
    chromium,
    console_messages,
    open_page,
    printed,
    requested_urls,
    table,
    violations,
    wait_until,
)
from tests.support.report_page.made_pages import generated_page
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import clock_of, context_by, epoch_of
from transforms.values.visible import visible

ODD_NAMES = [  # markup, right to left with an override, emoji, quotes and a long one
    "<script>document.title = 'taken over'</script>",
    "مكتب الدعم \u202eabc",
    "☎️ 'Straße' \"&\" " + "a long name " * 12 + "ends",
]
CURRENCIES = ("USD", "EUR", "GBP")
NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run over three accounts with odd names and a currency each.

    There are late and changed prices, records that cannot be parsed, a bill that differs, a closed month, budgets,
    storage rates and invoices.
    """
    folder = tmp_path_factory.mktemp("page") / "data"
    reference = folder / "reference"
    reference.mkdir(parents=True)
    living = open_living(Parameters(7, 3000, 3), now=epoch_of(date(2026, 9, 4)))
    with serve(
        living, faults=("late-prices", "corrections", "bad-records", "usage-price"), seed=11
    ) as emulator:
        usd, eur, gbp = accounts = accesses_of(emulator)
        accounts[0] = replace(usd, provider="twilio")
        (reference / "budgets.csv").write_text(
            "account_sid,valid_from,currency,amount\n"
            f",2026-07,USD,6\n{usd.account_sid},2026-07,USD,5.5\n{eur.account_sid},2026-07,EUR,6\n"
        )
        (reference / "storage_rates.csv").write_text(
            "account_sid,currency,valid_from,price_per_minute_month,free_minutes\n"
            ",USD,2026-01-01,0.0005,1000\n,EUR,2026-01-01,0.0005,0\n"
        )
        (reference / "invoices.csv").write_text(
            "account_sid,month,category,quantity,amount,currency\n"
            f"{usd.account_sid},2026-08,recordings,1800,6.10,USD\n"
            f"{eur.account_sid},2026-07,recordings,1800,6.40,EUR\n"
        )
        settings = {"account_sid": usd.account_sid, "provider": "twilio", "report_page": True}
        # One page after another, so that the same records are broken each time, some of each account. An audit would
        # read a day again, without those of the first fetch.
        settings |= {"accounts_at_once": 1, "concurrency": 1, "audit_requests": 0}
        context = context_by(clock_of(emulator.ledger), accounts, folder, **settings)
        names = zip([usd.account_sid, eur.account_sid, gbp.account_sid], ODD_NAMES, strict=True)
        context = replace(context, names={**context.names, **dict(names)})
        assert perform(context, RunRequest("run")).exit_code == 0
        close_month(context, "2026-08", accept_incomplete=True)
        # The wrong price is that of the newest day with a price: one that is over, or its charge would not be read yet.
        living.ledger.advance_to(epoch_of(date(2026, 9, 21)))
        assert perform(context, RunRequest("run")).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as running:
        yield running


@pytest.fixture(autouse=True)
def no_console_messages(browser: Chrome) -> Iterator[None]:
    """Check that the page logs no problem, whatever a test chooses."""
    console_messages(browser)
    yield
    assert console_messages(browser) == []


def spend(data_dir: Path, where: str, key: str) -> dict[str, tuple[str, str, str, str]]:
    """Return recordings, unpriced ones, minutes and cost by key from the warehouse, as the page writes them."""
    rows = rows_of(
        data_dir,
        f"select {key} as key, sum(recordings)::bigint as recordings, sum(unpriced_recordings)::bigint as unpriced, "
        f"sum(billed_minutes)::bigint as minutes, sum(cost) as cost from marts.daily_spend where {where} group by all",
    )
    return {
        visible(str(row["key"])): (
            f"{row['recordings']:,}",
            f"{row['unpriced']:,}",
            f"{row['minutes']:,}",
            NOTHING if row["cost"] is None else money(row["cost"]),
        )
        for row in rows
    }


def money(cost: Decimal) -> str:
    """Write all digits without trailing zeros."""
    return f"{cost.normalize():,f}"


def shown_spend(browser: Chrome, caption: str, key: str) -> dict[str, tuple[str, str, str, str]]:
    found = {}
    for row in table(browser, caption):
        cost = row["cost"]
        cost = cost if cost == NOTHING else money(Decimal(cost.replace(",", "")))
        found[row[key]] = (row["recordings"], row["unpriced"], row["billed minutes"], cost)
    return found


def formatted(value: object, column: str) -> str:
    """Write a value as the page does, without trailing zeros; estimates have four decimals."""
    if value is None:
        return NOTHING
    if isinstance(value, date):
        return value.isoformat()
    number = Decimal(str(value))
    if column in ESTIMATES:
        number = number.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return trimmed(f"{number:,f}")


def trimmed(text: str) -> str:
    """Remove trailing zeros, which the page adds to align numbers."""
    text = text.replace("-", MINUS) if text.startswith("-") else text
    return text.rstrip("0").rstrip(".") if "." in text else text


def account_of(data_dir: Path, currency: str) -> str:
    """Return the account that is charged in a currency."""
    query = f"select distinct account_sid from marts.daily_spend where currency = '{currency}' and cost > 0"
    (row,) = rows_of(data_dir, query)
    return str(row["account_sid"])


def everything(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    choose(browser, span="4")


def test_page_makes_no_requests(browser: Chrome, data_dir: Path) -> None:
    requested_urls(browser)
    page = data_dir / "reports" / "report.html"
    everything(browser, page)
    assert requested_urls(browser) == [page.as_uri()]
    assert browser.title == "Recording spend"
    assert page.stat().st_size < 3_000_000


def test_page_shows_odd_names_as_text(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    shown = set()
    for currency in CURRENCIES:
        choose(browser, currency=currency)
        shown |= {row["account"] for row in table(browser, "Spend by account")}
    assert shown == set(map(visible, ODD_NAMES))
    assert browser.title == "Recording spend"


def test_page_filters_show_the_figures_of_the_warehouse(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    for currency in CURRENCIES:
        choose(browser, currency=currency)
        where = f"currency = '{currency}'"
        assert shown_spend(browser, "Spend by source", "source") == spend(data_dir, where, "source")
        assert shown_spend(browser, "Spend by account", "account") == spend(data_dir, where, "account_name")
        by_channels = spend(data_dir, where, "coalesce(channels::varchar, 'unknown')")
        assert shown_spend(browser, "Spend by channels", "channels") == by_channels
    account = account_of(data_dir, "USD")
    choose(browser, currency="USD", accounts=[account], **{"from": "2026-09-07", "to": "2026-09-20"})
    where = (
        f"currency = 'USD' and account_sid = '{account}' "
        "and usage_date between date '2026-09-07' and date '2026-09-20'"
    )
    assert shown_spend(browser, "Spend by source", "source") == spend(data_dir, where, "source")
    assert shown_spend(browser, "Spend by day", "day") == spend(data_dir, where, "usage_date")


RUNNING = "if({} = (select max(month) from marts.months_read), ' (not over)', '')"
"""What the name of a month ends with, in SQL: everything up to the newest day was read."""

# Caption, header of the first column, columns, and the figures of the warehouse by the first column.
SECTIONS: Mapping[str, tuple[str, str, str]] = {
    "Still to come by month": (
        "month",
        "unpriced minutes, accrual",
        f"select strftime(month, '%Y-%m') || {RUNNING.format('month')}, sum(unpriced_minutes), sum(accrual) "
        "from marts.accruals where {0} group by 1",
    ),
    "Forecast of the current month": (
        "month",
        "cost, expected cost, low cost, high cost, history days",
        "select strftime(month, '%Y-%m'), cost, expected_cost, low_cost, high_cost, history_days from marts.forecast "
        "where {0}",
    ),
    "Waste by kind": (
        "kind",
        "recordings, cost",
        "select replace(waste_kind, '_', ' '), sum(recordings), sum(cost) from marts.waste where {0} group by 1",
    ),
    "Storage by month": (
        "month",
        "standing_minutes, storage cost, storage cost estimate, verified on",
        f"select strftime(storage_month, '%Y-%m') || {RUNNING.format('storage_month')}, standing_minutes, "
        "storage_cost, storage_cost_estimate, cast(timezone('UTC', verified_at) as date) "
        "from marts.storage_by_month where {0}",
    ),
    "Savings from deleting, ": (
        "age",
        "standing_minutes, saving per month, verified on",
        "select age_bucket, standing_minutes, saving_per_month, cast(timezone('UTC', verified_at) as date) "
        "from marts.retention_candidates where {0}",
    ),
    "Changes in closed months": (
        "closed month",
        "recordings change, cost change",
        "select strftime(month, '%Y-%m') || ': ' || kind, sum(recordings_change), sum(cost_change) "
        "from marts.adjustments where {0} group by 1",
    ),
    "Days outside the tolerance": (
        "day",
        "their cost, difference",
        "select period_start, their_cost, difference from marts.reconciliation "
        "where {0} and against <> 'invoice' and not is_within_tolerance",
    ),
}
ESTIMATES = {"accrual", "expected cost", "low cost", "high cost", "storage cost", "storage cost estimate"}
ESTIMATES |= {"saving per month"}


ABOUT_NOW = {"Forecast of the current month", "Savings from deleting, "}


@pytest.mark.slow
def test_page_sections_show_the_figures_of_their_marts(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    seen = set()
    for currency in CURRENCIES:
        choose(browser, currency=currency)
        for caption, (head, columns, sql) in SECTIONS.items():
            names = columns.replace("_", " ").split(", ")
            rows = rows_of(data_dir, sql.format(f"currency = '{currency}'"))
            expected = {
                str(key): [formatted(value, name) for name, value in zip(names, values, strict=True)]
                for key, *values in (row.values() for row in rows)
            }
            shown = table(browser, caption)
            assert {row[head]: [trimmed(row[name]) for name in names] for row in shown} == expected, caption
            seen |= {caption} if shown else set()
    assert seen == SECTIONS.keys()  # both are empty
    choose(browser, **{"to": "2026-06-30", "from": "2026-06-01"})
    for caption in SECTIONS.keys() - ABOUT_NOW:
        assert table(browser, caption) == [], caption


def test_page_adds_the_bill_up_by_month(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    choose(browser, currency="USD")
    parts = ("only_theirs", "only_ours", "quantity", "rate", "unpriced")
    sums = ", ".join(f"sum({part}_amount)" for part in parts)
    expected = {
        (against, month): [formatted(value, "") for value in values]
        for against, month, *values in (
            row.values()
            for row in rows_of(
                data_dir,
                f"select against, strftime(period_start, '%Y-%m') as month, sum(difference), {sums} "
                "from marts.reconciliation where currency = 'USD' and is_comparable group by against, month",
            )
        )
    }
    names = ["difference", *(part.replace("_", " ") for part in parts)]
    shown = {
        (row["against"], row["month"]): [trimmed(row[name]) for name in names]
        for row in table(browser, "The bill by month")
    }
    assert shown == expected
    assert {against for against, _ in shown} == {"invoice", "usage records"}


@pytest.mark.slow
def test_page_shows_budgets_of_chosen_accounts_and_of_all(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    choose(browser, currency="USD", span="0")
    assert {row["account"]: row["budget"] for row in table(browser, "Budgets")} == {
        "all accounts": "6.00",
        ODD_NAMES[0]: "5.50",
    }
    choose(browser, accounts=[account_of(data_dir, "EUR")])
    assert {row["account"] for row in table(browser, "Budgets")} == {"all accounts"}
    assert table(browser, "Forecast of the current month") == []


def test_cards_show_each_currency_and_what_is_missing(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    shown = cards(browser)
    expected = spend(data_dir, "cost is not null", "currency")
    assert {
        name.removeprefix("Spend, "): figure
        for name, (figure, *_) in shown.items()
        if name.startswith("Spend")
    } == {currency: cost for currency, (_, _, _, cost) in expected.items()}
    (whole,) = spend(data_dir, "true", "'all'").values()
    assert (shown["Recordings"][0], shown["Without a price"][0]) == whole[:2]
    accruals = rows_of(
        data_dir,
        "select currency, sum(accrual) as accrual from marts.accruals group by 1 having accrual > 0 order by 1",
    )
    about = [
        f"about {row['accrual'].quantize(Decimal('0.01'), ROUND_HALF_UP)} {row['currency']}"
        for row in accruals
    ]
    assert len(about) == 3
    assert [
        line.removesuffix(" expected for these months") for line in shown["Without a price"][1:4]
    ] == about
    assert shown["Days not covered"][0] == "0"
    (rejects,) = rows_of(data_dir, "select count(*) as n from ops.rejects")
    assert shown["Unreadable records"][0] == str(rejects["n"]) != "0"
    assert [line.rpartition(" ")[2] for line in shown["Unreadable records"][1:]] == sorted(CURRENCIES)
    failed = rows_of(data_dir, "select name, severity from ops.checks where not is_passed order by name")
    assert shown["Checks"] == [
        f"{len(failed)} did not pass",
        *(f"{row['name'].replace('_', ' ')} ({row['severity']})" for row in failed),
    ]


@pytest.mark.slow
def test_cards_compare_with_the_previous_period(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    choose(browser, **{"from": "2026-09-07", "to": "2026-09-20"})
    costs = {
        (row["currency"], row["is_before"]): row["cost"]
        for row in rows_of(
            data_dir,
            "select currency, usage_date < '2026-09-07' as is_before, sum(cost) as cost from marts.daily_spend "
            "where usage_date between '2026-08-24' and '2026-09-20' and cost is not null group by all",
        )
    }
    for currency in CURRENCIES:
        now, before = costs[currency, False], costs[currency, True]
        sign, share = (MINUS, before - now) if now < before else ("+", now - before)
        assert cards(browser)[f"Spend, {currency}"] == [
            money(now),
            f"{sign}{money(share)} ({sign}{share / before * 100:.1f} %) compared with 2026-08-24 to 2026-09-06",
        ]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("2026-09-01 2026-09-20", "2026-08-01 2026-08-20"),  # the same days of the previous month
        ("2026-07-01 2026-09-30", "2026-04-01 2026-06-30"),  # the same number of months
        ("2026-07-01 2026-09-20", None),  # reaches into June, where only whole months are known
        ("2026-08-01 2026-08-30", "2026-07-01 2026-07-30"),
        ("2024-02-01 2024-02-29", "2024-01-01 2024-01-31"),
        ("2026-09-02 2026-09-11", "2026-08-23 2026-09-01"),  # the same number of days
        ("2026-07-02 2026-07-11", None),
    ],
)
def test_previous_period_matches_the_chosen_period(
    browser: Chrome, data_dir: Path, chosen: str, expected: str | None
) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    first, last = chosen.split()
    before = browser.execute_script(
        "return periodBefore({settings: {daily_from: '2026-07-01'}}, {first: arguments[0], last: arguments[1]})",
        first,
        last,
    )
    assert (f"{before['first']} {before['last']}" if before else None) == expected


def test_months_that_are_not_final_are_marked(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    rows = [
        {"month": month, "account_sid": sid, "is_running": running, "days_missing": missing}
        for month, sid, running, missing in (
            ("2026-09-01", None, "true", 2),
            ("2026-09-01", "AC1", "true", 0),
            ("2026-09-01", "AC2", "true", 2),
            ("2026-07-01", None, "false", 1),
            ("2026-07-01", "AC1", "false", 1),
        )
    ]
    for accounts, expected in (
        ("null", ["2026-09 (not over, 2 days missing)", "2026-07 (1 day missing)"]),
        ("new Set(['AC1'])", ["2026-09 (not over)", "2026-07 (1 day missing)"]),
        ("new Set(['AC1', 'AC2'])", ["2026-09 (not over, 2 days missing)", "2026-07 (1 day missing)"]),
        ("new Set(['AC3'])", []),
    ):
        shown = browser.execute_script(
            f"return marksOf({{tables: {{months: {{rows: arguments[0]}}}}}}, {{accounts: {accounts}}}, "
            "{first: '2026-07-03', last: '2026-09-20'})",
            rows,
        )
        assert shown == expected
    newest = rows_of(data_dir, "select strftime(max(month), '%Y-%m') as month from marts.months_read")[0][
        "month"
    ]
    assert f"Not final: {newest} (not over)." in browser.find_element("id", "period-line").text


def test_coverage_gaps_count_only_within_the_period(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    holes = [
        ("AC1", "2026-08-30", "2026-09-03"),
        ("AC2", "2026-09-02", "2026-09-02"),
        ("AC1", "2026-05-01", "2026-05-09"),
    ]
    rows = [{"account_sid": sid, "first_day": first, "last_day": last} for sid, first, last in holes]
    for accounts, expected in (("null", "4"), ("new Set(['AC1'])", "3"), ("new Set(['AC3'])", "0")):
        choice = f"{{accounts: {accounts}, first: '2026-09-01', last: '2026-09-20'}}"
        shown = browser.execute_script(
            f"const [data, choice] = [{{tables: {{holes: {{rows: arguments[0]}}}}}}, {choice}];"
            "return holesCard(data, choice).querySelector('.figure').textContent",
            rows,
        )
        assert shown == expected


@pytest.mark.slow
def test_page_marks_rate_changes(browser: Chrome, data_dir: Path) -> None:
    everything(browser, data_dir / "reports" / "report.html")
    choose(browser, currency="EUR")
    days = rows_of(data_dir, "select distinct changed_on from marts.rate_changes where currency = 'EUR'")
    marks = browser.execute_script("return document.querySelectorAll('#rate .changes_marks line').length")
    assert marks == len(days) > 0
    changes = rows_of(data_dir, "select * from marts.rate_changes where currency = 'EUR'")
    assert len(table(browser, "Rate changes")) == len(changes)


@pytest.mark.parametrize(
    ("dark", "width"),
    [
        (False, 1280),
        pytest.param(True, 390, marks=pytest.mark.slow),
        pytest.param(False, 390, marks=pytest.mark.slow),
        pytest.param(True, 1280, marks=pytest.mark.slow),
    ],
)
def test_page_fits_every_width_and_is_accessible(
    browser: Chrome, data_dir: Path, width: int, dark: bool
) -> None:
    open_page(browser, data_dir / "reports" / "report.html", width=width, dark=dark)
    browser.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    if dark == (width == 390):  # it takes a second, and colours do not depend on the width
        assert violations(browser) == []


@pytest.mark.slow
def test_page_sections_draw_only_the_chosen_currency(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    for currency in ("EUR", "USD"):
        choose(browser, currency=currency)
        shown = charts(browser)
        sections = {name.partition("-chart-")[0] for name, *_ in shown}
        assert sections >= {
            "days",
            "by-account",
            "by-channels",
            "rate",
            "to-come",
            "forecast",
            "storage",
            "bill",
        }
        assert len(shown) >= len(sections)
        for name, words, marks, titles in shown:
            assert marks > 0, name
            assert len(words) > 20, name
            assert {title.split()[0] for title in titles if title.split()[0].isupper()} == {currency}, name


@pytest.mark.slow
def test_page_prints_without_cut_tables(browser: Chrome, data_dir: Path) -> None:
    page = data_dir / "reports" / "report.html"
    open_page(browser, page, dark=True)
    # A4 and Letter in landscape, without the margins, in CSS pixels.
    for width in (1032, 965):
        with printed(browser, width):
            cut, hidden, ground = browser.execute_script(
                """
                dispatchEvent(new Event("beforeprint"));
                const tables = [...document.querySelectorAll("table")];
                const box = (table) => table.getBoundingClientRect();
                return [
                  tables.filter((table) => box(table).right > innerWidth).map((table) => table.caption.textContent),
                  tables.filter((table) => !box(table).height).length,
                  getComputedStyle(document.body).backgroundColor,
                ];
                """
            )
        assert (cut, hidden, ground) == ([], 0, "rgb(255, 255, 255)")


@pytest.mark.slow
def test_page_works_with_the_keyboard_only(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the figures"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "summary"
    before = browser.execute_script("return document.documentElement.dataset.shown")
    browser.find_element("id", "currency").send_keys(Keys.ARROW_DOWN)
    wait_until(browser, f"document.documentElement.dataset.shown !== '{before}'")
    assert (
        before.split()[0]
        != browser.execute_script("return document.documentElement.dataset.shown").split()[0]
    )


def test_unchanged_page_is_not_rewritten(data_dir: Path) -> None:
    page = data_dir / "reports" / "report.html"
    before = page.stat().st_mtime_ns
    assert report(data_dir, shipped("sql")).written == 0
    assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize("recordings", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_page_of_a_nearly_empty_lake_says_so(browser: Chrome, tmp_path: Path, recordings: int) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(generated_page(["only"], recordings, days=3))
    everything(browser, page)
    assert cards(browser)["Recordings"][0] == str(recordings)
    assert violations(browser) == []


@pytest.mark.slow
def test_page_fits_two_hundred_accounts_and_five_currencies(browser: Chrome, tmp_path: Path) -> None:
    names = [*ODD_NAMES, "x" * 300, "twice", "twice", *(f"account {i}" for i in range(194))]
    page = tmp_path / "report.html"
    page.write_bytes(generated_page(names, 6_000, days=40, currencies=5))
    for width in (390, 1280):
        open_page(browser, page, width=width)
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
    everything(browser, page)
    shown: list[str] = []
    for currency in ("USD", "EUR", "GBP", "JPY", "CHF"):
        choose(browser, currency=currency)
        shown += [row["account"] for row in table(browser, "Spend by account")]
    expected = [
        f"twice (AC{place:032x})" if name == "twice" else visible(name) for place, name in enumerate(names)
    ]
    assert sorted(shown) == sorted(expected)
    assert len([name for name in cards(browser) if name.startswith("Spend")]) == 5
    choose(browser, currency="XXX")  # recordings without price and currency can be chosen too
    assert {row["cost"] for row in table(browser, "Spend by source")} == {NOTHING}
    assert browser.title == "Recording spend"


@pytest.mark.slow
def test_page_widens_older_periods_to_whole_months(browser: Chrome, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(generated_page(["first", "second"], 800, days=400))
    newest = datetime(2026, 9, 29, 23, tzinfo=UTC)  # and one every twelve hours before it
    created = Counter(f"{newest - i * timedelta(hours=12):%Y-%m}" for i in range(800))
    everything(browser, page)
    months = {row["month"][:7]: row["recordings"] for row in table(browser, "Spend by month")}
    assert months.keys() <= created.keys()
    choose(browser, **{"from": "2025-11-15", "to": "2025-12-10"})
    assert browser.find_element("id", "widened").text.endswith("so the period is 2025-11-01 to 2025-12-31.")
    assert cards(browser)["Recordings"][0] == str(created["2025-11"] + created["2025-12"])
    assert "compared with 2025-09-01 to 2025-10-31" in cards(browser)["Spend, USD"][1]
    choose(browser, to="2026-09-15")
    no_comparison = "no comparison: only whole months are available before 2026-06-01"
    assert cards(browser)["Spend, USD"][1].startswith(no_comparison)


@pytest.mark.slow
def test_page_shows_the_last_choice(browser: Chrome, data_dir: Path) -> None:
    open_page(browser, data_dir / "reports" / "report.html")
    browser.execute_script(
        """
        for (const currency of ["EUR", "GBP", "USD", "EUR"]) {
          element("currency").value = currency;
          element("currency").dispatchEvent(new Event("change"));
        }
        """
    )
    wait_until(browser, "document.documentElement.dataset.drawn === '2'")
    assert {row["account"] for row in table(browser, "Spend by account, EUR")} == {visible(ODD_NAMES[1])}
    assert {title for *_, titles in charts(browser) for title in titles if title[:3].isupper()} <= {
        "EUR",
        "EUR a minute",
        "EUR a month",
    }


@pytest.mark.slow
def test_page_of_three_years_is_small_enough_to_mail(browser: Chrome, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(generated_page([f"account {i}" for i in range(100)], 3_000_000, days=1096, currencies=3))
    assert page.stat().st_size < 3_000_000
    everything(browser, page)
    whole = sum(int(row["recordings"].replace(",", "")) for row in table(browser, "Spend by account"))
    assert 0 < whole < 3_000_000
    assert cards(browser)["Recordings"][0] == "3,000,000"
