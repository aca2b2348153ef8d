"""The emulator's Usage Records, compared with sums calculated by hand."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, open_living, open_recordings, serve
from tests.support.servers.emulator_client import RECORDING, get

NOON = 1_788_868_800
"""2026-09-08, a Tuesday. As days since 1970 it is an even number."""
DAY = 86_400
LEDGER = [
    # Tuesday: 14 s and 61 s, and one that has no price and no currency yet.
    replace(RECORDING, sequence=1, created_at=NOON),
    replace(RECORDING, sequence=2, created_at=NOON + 60, duration_seconds=61, price=Decimal("0.01")),
    replace(RECORDING, sequence=3, created_at=NOON + 90, duration_seconds=None, price=None, currency=None),
    # The last second of Wednesday, UTC.
    replace(
        RECORDING,
        sequence=4,
        created_at=NOON + DAY + DAY // 2 - 1,
        duration_seconds=120,
        price=Decimal("0.0000004"),
    ),
    # Friday.
    replace(RECORDING, sequence=5, created_at=NOON + 3 * DAY),
]
FRIDAY = ("2026-09-11", "1", "1", Decimal("0.0025"))
WEDNESDAY = ("2026-09-09", "1", "2", Decimal("0.0000004"))
TUESDAY = ("2026-09-08", "3", "3", Decimal("0.0125"))


def usage(emulator: Emulator, query: str = "", root: str = "/2010-04-01") -> list[dict[str, Any]]:
    (account,) = emulator.accounts
    target = f"{root}/Accounts/{account.account_sid}/Usage/Records/Daily.json?Category=recordings{query}"
    rows: list[dict[str, Any]] = []
    while target:
        reply = get(emulator, target, account)
        assert reply.status == 200, reply.body
        rows += reply.json()["usage_records"]
        target = reply.json()["next_page_uri"]
    return rows


def figures(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str, Decimal]]:
    assert all(row["start_date"] == row["end_date"] for row in rows)
    assert {(row["category"], row["usage_unit"]) for row in rows} <= {("recordings", "minutes")}
    return [(row["start_date"], row["count"], row["usage"], Decimal(row["price"])) for row in rows]


@pytest.mark.parametrize("lives", [True, False])
def test_usage_day_has_count_minutes_and_price(lives: bool, tmp_path: Path) -> None:
    with serve(open_living(LEDGER) if lives else open_recordings(LEDGER, tmp_path / "ledger")) as running:
        rows = usage(running)
        assert figures(rows) == [FRIDAY, WEDNESDAY, TUESDAY]
        assert {row["price_unit"] for row in rows} == {"usd"}
        assert figures(usage(running, "&StartDate=2026-09-09&EndDate=2026-09-10")) == [WEDNESDAY]
        assert figures(usage(running, "&StartDate=2026-09-11")) == [FRIDAY]
        assert figures(usage(running, "&EndDate=2026-09-08&PageSize=1")) == [TUESDAY]
        assert figures(usage(running, "&PageSize=1")) == [FRIDAY, WEDNESDAY, TUESDAY]
        assert figures(usage(running, "&PageSize=2")) == [FRIDAY, WEDNESDAY, TUESDAY]


def test_usage_counts_deleted_but_not_future_recordings() -> None:
    source = open_living(LEDGER, now=NOON + 2 * DAY)
    source.ledger.delete(LEDGER[0].sid)
    with serve(source) as running:
        assert figures(usage(running)) == [WEDNESDAY, TUESDAY]


def test_usage_separates_currencies(tmp_path: Path) -> None:
    euro = replace(RECORDING, sequence=9, created_at=NOON, currency="EUR")
    with serve(open_recordings([*LEDGER, euro], tmp_path / "ledger")) as running:
        tuesday = [(row["price_unit"], row["count"]) for row in usage(running, "&EndDate=2026-09-08")]
    assert tuesday == [("eur", "1"), ("usd", "3")]


def test_usage_of_generated_recordings_matches_totals(tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(seed=4, recordings=700, accounts=1), tmp_path)) as running:
        rows, cells = usage(running), running.totals()["cells"]
    assert sum(int(row["count"]) for row in rows) == 700
    assert sum(Decimal(row["price"]) for row in rows) == sum(Decimal(cell["cost"] or 0) for cell in cells)


@pytest.mark.parametrize(
    ("fault", "friday"),
    [
        ("usage-extra", ("2026-09-11", "2", "2", Decimal("0.005"))),
        ("usage-missing", None),
        ("usage-minutes", ("2026-09-11", "1", "2", Decimal("0.005"))),
        ("usage-price", ("2026-09-11", "1", "1", Decimal("0.00375"))),
    ],
)
def test_usage_fault_changes_the_newest_day(fault: str, friday: tuple[str, str, str, Decimal] | None) -> None:
    source = open_living(LEDGER)
    with serve(source, faults=[fault]) as running:
        assert figures(usage(running)) == [*([friday] if friday else []), WEDNESDAY, TUESDAY]


def test_usage_faults_change_a_different_day_each() -> None:
    with serve(open_living(LEDGER), faults=["usage-price", "usage-missing", "usage-extra"]) as running:
        assert figures(usage(running)) == [
            ("2026-09-11", "2", "2", Decimal("0.005")),
            # Wednesday's only recording is missing, and Tuesday's price is wrong.
            ("2026-09-08", "3", "3", Decimal("0.01875")),
        ]


def test_usage_list_is_twilio_only_and_can_be_refused() -> None:
    source = open_living(LEDGER)
    (account,) = source.accounts
    target = f"/Accounts/{account.account_sid}/Usage/Records/Daily.json"
    with serve(source) as running:
        assert get(running, f"/api/laml/2010-04-01{target}", account).status == 404
        assert get(running, f"/2010-04-01{target}").status == 401
        for query, code in {"StartDate=yesterday": 20001, "PageSize=1001": 54454, "Page=1": 54453}.items():
            reply = get(running, f"/2010-04-01{target}?{query}", account)
            assert (reply.status, reply.json()["code"]) == (400, code)
        assert get(running, f"/2010-04-01{target}?Category=calls", account).json()["usage_records"] == []
    with serve(source, faults=["usage-refused"]) as running:
        assert get(running, f"/2010-04-01{target}", account).status == 403
        assert (
            get(running, f"/2010-04-01/Accounts/{account.account_sid}/Recordings.json", account).status == 200
        )
