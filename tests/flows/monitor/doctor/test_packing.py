from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.monitor.doctor.packing import packing
from flows.settings.settings import Settings
from flows.stores.raw.compacting import PackRules, compact
from flows.stores.raw.raw_pages import RawPages
from tests.support.samples.stores import ACCOUNT, utc
from transforms.values.windows import Window

NOW = utc(2020, 2, 15)


@pytest.fixture
def raw(tmp_path: Path) -> RawPages:
    """An account with a landing of long ago."""
    raw = RawPages(tmp_path)
    day = date(2020, 1, 1)
    raw.writer(raw.begin(ACCOUNT, Window(day, day), utc(2020, 1, 2))).complete(utc(2020, 1, 2, 1))
    return raw


def found(raw: RawPages) -> tuple[str, str]:
    (diagnosis,) = packing(Settings(data_dir=raw.folder.parent))
    return diagnosis.state, diagnosis.words


def test_pages_that_were_not_packed_for_long_are_a_warning(raw: RawPages) -> None:
    assert found(raw) == (
        "warn",
        "1 lists of accounts have older raw pages that are not packed. Run `recspend compact`.",
    )
    compact(raw, ACCOUNT, NOW, PackRules(timedelta(days=7)), lambda _: [])
    assert found(raw) == ("ok", "no older raw pages are left to pack")


def test_damaged_journal_fails(raw: RawPages) -> None:
    journal = raw.journal(ACCOUNT).path("2020-01")
    journal.write_bytes(b"{}\n")
    state, words = found(raw)
    assert state == "fail"
    assert words.startswith(f"Line 1 of {journal} is damaged.")
