"""Derive what is kept of each account once more from its pages and files, and compare."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from flows.monitor.doctor.finding import Diagnosis
from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError, DroppedPageError
from transforms.ingest.day_counts import tally_by_day
from transforms.normalize.control_totals import control_totals
from transforms.values.windows import covered_days


def derived(data_dir: Path, names: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Read every page and every file of the lake, and compare them with what the commit of each account says.

    names: account sid → name. Yields a line for each account.
    """
    raw, lake = RawPages(data_dir), Lake(data_dir)
    for sid in sorted({*raw.accounts(), *lake.accounts()}):
        subject = f"kept {names.get(sid, sid)}"
        try:
            yield _account(subject, raw, lake, sid)
        except DataError as error:
            yield Diagnosis(subject, "fail", str(error))


def _account(subject: str, raw: RawPages, lake: Lake, account_sid: str) -> Diagnosis:
    commit, landings = lake.commit(account_sid) or Commit(), raw.readable(account_sid)
    pending = set(raw.readable(account_sid, commit.position))
    applied = [landing for landing in landings if landing not in pending]
    wrong = [*_wrong_landings(raw, commit, applied, account_sid), *_wrong_files(lake, commit, account_sid)]
    pages, dropped = _pages(raw, landings)
    facts = {"landings": len(landings), "pages": pages, "dropped_pages": dropped, "recordings": commit.rows}
    if wrong:
        words = f"{', '.join(wrong)} differ from what is recorded. Run `recspend normalize --rebuild`."
        return Diagnosis(subject, "fail", words, facts)
    left_out = f", {dropped:,} more were dropped" if dropped else ""
    words = (
        f"{pages:,} pages of {len(landings):,} fetches{left_out}; {commit.rows:,} recordings, all as recorded"
    )
    return Diagnosis(subject, "ok", words, facts)


def _wrong_landings(raw: RawPages, commit: Commit, applied: list[Landing], account_sid: str) -> Iterator[str]:
    if commit.landings != len(applied):
        yield "the number of fetches"
    if raw.days_of(account_sid, commit.covered) != covered_days(landing.fetch for landing in applied):
        yield "the days read"


def _wrong_files(lake: Lake, commit: Commit, account_sid: str) -> Iterator[str]:
    for month, files in commit.months.items():
        for file in files:
            recordings = lake.read_files(account_sid, [file])  # compared with its digest
            if (tally_by_day(recordings), control_totals(recordings)) != (file.days, file.totals):
                yield f"the counts of {month}"
    for name in commit.tables:
        lake.table(account_sid, name, commit)


def _pages(raw: RawPages, landings: list[Landing]) -> tuple[int, int]:
    """Read all pages, each compared with its digest. Returns how many there are, and how many were dropped."""
    read, dropped = 0, 0
    for landing in landings:
        for number in range(len(raw.manifest(landing).pages)):
            try:
                raw.page(landing.page_name(number))
                read += 1
            except DroppedPageError:
                dropped += 1
    return read, dropped
