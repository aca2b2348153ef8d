"""A data folder with every kind of file, and the API that it was read from, which can be asked again."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partialmethod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from flows.emulator import LivingSource, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import RecordingsApi
from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.warehouse import warehouse_path
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, instant, made
from tests.support.sql.tables import checks_on, needed
from transforms.pages.recordings import list_recordings

FIRST, TODAY = date(2026, 8, 1), date(2026, 10, 2)
CLOSED, NEXT_TO_CLOSE = "2026-08", "2026-09"
SALES, SUPPORT = ACCOUNTS[:2]
_PAGE_SIZE = 5
_SHOWING = (
    *("marts.fct_recordings", "marts.daily_spend", "marts.adjustments", "marts.charge_signs"),
    "staging.stg_recording_totals",
)
_HOLIDAYS = "account_sid,day,name\n,2026-08-03,a holiday\n"
_UNPRICED = made(SALES, 1, epoch_of(date(2026, 8, 3)), price=None, currency=None)
_PRICED = made(SALES, 2, epoch_of(date(2026, 8, 20)), price=Decimal("0.01"))
_GOES = made(SUPPORT, 0, epoch_of(date(2026, 8, 21)), price=Decimal("0.002"))


def recordings() -> Iterator[Recording]:
    """Return the recordings of two accounts; a few of them change later."""
    yield from (_UNPRICED, _PRICED, _GOES)
    for sequence in range(4, 40):
        yield made(SALES, sequence, epoch_of(date(2026, 9, 1 + sequence % 28), sequence))
    for sequence in range(1, 8):
        price = Decimal("0.004100001") * sequence
        yield made(SUPPORT, sequence, epoch_of(date(2026, 9, 10 + sequence)), price=price, currency="EUR")


@dataclass(frozen=True)
class Scene:
    """A folder to copy and damage, and how its accounts are reached.

    interrupted_at: when the fetch of an interrupted copy began, epoch seconds, UTC.
    """

    data_dir: Path
    source: LivingSource
    accounts: list[AccountAccess]
    interrupted_at: int = 0

    def copied(self, data_dir: Path, *, is_interrupted: bool = False) -> Path:
        """Copy the folder to a path, which is emptied before.

        is_interrupted: add a landing of which only the first pages are there, as a run does that is killed.
        """
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.copytree(self.data_dir, data_dir)
        _move_view(data_dir, self.data_dir)
        if is_interrupted:
            _interrupt(data_dir, self.interrupted_at)
        return data_dir

    def environment(self, data_dir: Path) -> dict[str, str]:
        """Return the environment for a command that reads the accounts into a data folder."""
        settings = data_dir.with_name(f"{data_dir.name}.toml")
        entries = [
            f'[[accounts]]\nname = "{each.name}"\naccount_sid = "{each.account_sid}"\n'
            f'base_url = "{each.base_url}"\nprovider = "{each.provider}"\ntoken_env = "SCENE_{each.name.upper()}"\n'
            for each in self.accounts
        ]
        settings.write_text("\n".join(["report_page = false\nbackoff = 0\nattempts = 3\n", *entries]))
        return {
            "PATH": os.environ["PATH"],
            "RECSPEND_DATA_DIR": str(data_dir),
            "RECSPEND_CONFIG": str(settings),
            **{f"SCENE_{each.name.upper()}": each.token for each in self.accounts},
        }

    def context(self, data_dir: Path, **settings: Any) -> RunContext:
        """Return the context of a run into a data folder."""
        return context_by(
            clock_of(self.source.ledger), self.accounts, data_dir, report_page=False, **settings
        )


@contextmanager
def small_pages() -> Iterator[None]:
    """Ask for small pages for the block, so that a few recordings fill many."""
    with patch.object(RecordingsApi, "pager", partialmethod(RecordingsApi.pager, page_size=_PAGE_SIZE)):
        yield


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Make the folder and serve its API for the block, with small pages.

    Two accounts are read twice, and August is closed in between. Prices come late and are corrected, a recording goes,
    some cannot be understood.
    """
    data_dir = folder / "data"
    source = open_living(recordings(), now=epoch_of(TODAY))
    (data_dir / "reference").mkdir(parents=True)
    (data_dir / "reference" / "holidays.csv").write_text(_HOLIDAYS)
    with small_pages():
        with serve(source, faults=["bad-records"], seed=5) as emulator:
            _happen(Scene(data_dir, source, _accounts(accesses_of(emulator))))
        with serve(source) as emulator:
            made_up = Scene(data_dir, source, _accounts(accesses_of(emulator)), source.ledger.now + 60)
            perform(made_up.context(data_dir), RunRequest())
            source.ledger.advance(120)
            yield made_up


def _accounts(found: list[AccountAccess]) -> list[AccountAccess]:
    sales, support = found
    return [replace(sales, name="sales", provider="twilio"), replace(support, name="support")]


def _happen(made_up: Scene) -> None:
    # One request after another, so that the same records are broken each time.
    context = made_up.context(made_up.data_dir, concurrency=1, accounts_at_once=1)
    ledger, request = made_up.source.ledger, RunRequest("run", FIRST, TODAY, again=True)
    perform(context, request)
    close_month(context, CLOSED, accept_incomplete=True)
    ledger.advance_to(epoch_of(TODAY, 3600))
    ledger.change(_UNPRICED.sid, price=Decimal("0.4"), currency="USD")
    ledger.change(_PRICED.sid, price=Decimal("0.06"))
    ledger.delete(_GOES.sid)
    perform(context, request)
    ledger.advance_to(epoch_of(TODAY, 7200))


def _move_view(data_dir: Path, before: Path) -> None:
    """Have the warehouse of a copied folder read the lake there: its view names the files of the folder before."""
    with duckdb.connect(str(warehouse_path(data_dir))) as connection:
        ((view,),) = connection.execute(
            "select sql from duckdb_views() where schema_name = 'landed' and view_name = 'recordings'"
        ).fetchall()
        moved = view.replace(f"'{before.resolve()}/", f"'{data_dir.resolve()}/")
        connection.execute(moved.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))


def _interrupt(data_dir: Path, epoch: int) -> None:
    raw = RawPages(data_dir)
    # Without rejects, the result is the same whether its pages are kept or fetched again.
    clean = [
        each
        for each in raw.complete(SALES)
        if not list_recordings(raw.pages(each), SALES, each.window).rejects.num_rows
    ]
    whole = max(clean, key=lambda landing: (len(raw.manifest(landing).pages), landing.name))
    writer = raw.writer(raw.begin(SALES, whole.window, instant(epoch)))
    pages = zip(raw.manifest(whole).pages, raw.pages(whole), strict=True)
    for noted, page in list(pages)[:2]:
        writer.add(raw.manifest(whole).url, page.body, noted.rows)


@contextmanager
def quick_runs() -> Iterator[None]:
    """Have runs only do for the block what shows whether anything was lost, which takes a fraction of the time.

    They build the marts that have every recording, every cost and every correction, and no reports; they send no
    notifications and write no metrics.
    """
    models = needed(*_SHOWING)
    checks = checks_on(models)
    with (
        quick_builds(),
        patch("flows.model.model.read_models", lambda _: models),
        patch("flows.model.model.read_checks", lambda *_: checks),
        patch("flows.run.stages.report", lambda _: None),
        patch("flows.run.lifecycle.notify", lambda *_: {}),
        patch("flows.run.record.write_metrics", lambda *_: None),
        patch("flows.command.perform._show", lambda *_, **__: None),
    ):
        yield


@contextmanager
def quick_builds() -> Iterator[None]:
    """Build warehouses with one thread and without comments for the block, which takes half of the time."""
    with (
        patch.dict(CONFIG, threads=1),
        patch("flows.stores.warehouse.filling.describe", lambda *_, **__: None),
    ):
        yield
