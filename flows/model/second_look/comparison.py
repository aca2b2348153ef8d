"""Compare the lake with what the newest fetch of each day lists."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.model.coverage import AccountCoverage
from flows.model.second_look.fetches import CountingFetch, counting_fetches, sample
from flows.model.second_look.pages import (
    SeenRecording,
    UnreadablePageError,
    facts_of_row,
    recordings_of,
)
from flows.stores.lake.lake import Lake
from flows.stores.lake.lookups import rows_between, rows_with
from flows.stores.raw.raw_pages import RawPages
from transforms.values.windows import Window, consecutive

SAMPLE_PAGES = 8
"""How many pages a run compares: half of the newest fetches, the others drawn from all of them."""

COMPARISON_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("is_figure", pa.bool_(), nullable=False),
        pa.field("compared", pa.int64(), nullable=False),
        pa.field("differing", pa.int64(), nullable=False),
        pa.field("example_sid", pa.string()),
        pa.field("in_lake", pa.string()),
        pa.field("on_page", pa.string()),
        pa.field("raw_page", pa.string()),
    ]
)
"""One row for each account and field: how many recordings were compared, how many differ, and one of them."""

_COLUMNS = (
    "recording_sid", "price", "currency", "created_at", "duration_seconds", "channels", "status", "source", "call_sid",
    "conference_sid", "error_code", "deleted_at", "raw_page",
)  # fmt: skip
# A recording that is missing or marked as deleted is a difference, too: the first is in no figure, the second is not
# stored, and its day is not read again.
_FIGURES = frozenset(
    {"price", "currency", "created_at", "duration_seconds", "channels", "source", "recording", "deleted_at"}
)
_DAY = timedelta(days=1)
_EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Compared:
    """How often a field of an account was compared, how often it differs, and the first difference."""

    compared: int = 0
    differing: int = 0
    example: dict[str, str | None] = field(default_factory=dict)


class _Account:
    """The lake of one account, compared field by field."""

    def __init__(self, lake: Lake, account: AccountCoverage) -> None:
        self.sid = account.account_sid
        self.files = lake.files(self.sid, account.commit)
        rejects = lake.table(self.sid, "rejects", account.commit)
        self.rejected = {sid.lower() for sid in rejects["recording_sid"].to_pylist() if sid}
        self.found: dict[str, _Compared] = {}

    def compare(
        self, fetch: CountingFetch, seen: Sequence[tuple[str, SeenRecording]], is_whole: bool
    ) -> None:
        """Compare recordings of a fetch, each with its page. is_whole: they are all that it lists."""
        listed: dict[str, list[tuple[str, SeenRecording]]] = {}
        for page, recording in seen:
            if recording.created_at.date() in fetch.days and recording.sid not in self.rejected:
                listed.setdefault(recording.sid, []).append((page, recording))
        rows = self._rows(listed, fetch.days)
        for sid, versions in listed.items():
            self._compare_one(fetch, sid, versions, rows.get(sid))
        if is_whole:
            self._find_unlisted(fetch, listed.keys() | self.rejected)

    def _rows(self, sids: Mapping[str, object], days: Iterable[date]) -> dict[str, dict[str, Any]]:
        if not sids:
            return {}
        months = {f"{day + shift:%Y-%m}" for day in days for shift in (-_DAY, _DAY)}
        near = self._files_of(months)
        around = Window(min(days) - _DAY, max(days) + _DAY)
        bounds = around.created_from, around.created_before
        rows = {row["recording_sid"].lower(): row for row in rows_with(near, sids, _COLUMNS, *bounds)}
        if missing := sids.keys() - rows.keys():  # in another month, or nowhere
            everywhere = self._files_of(self.files.keys())
            rows |= {
                row["recording_sid"].lower(): row for row in rows_with(everywhere, missing, _COLUMNS, *_EVER)
            }
        return rows

    def _files_of(self, months: Collection[str]) -> list[Path]:
        return [file for month, files in self.files.items() if month in months for file in files]

    def _compare_one(
        self,
        fetch: CountingFetch,
        sid: str,
        versions: list[tuple[str, SeenRecording]],
        row: dict[str, Any] | None,
    ) -> None:
        page, seen = versions[-1]
        if row is None:
            self._count("recording", sid, page, "not in the lake", "listed")
            return
        landing, _, _ = row["raw_page"].rpartition("/")
        stamp = landing.rpartition("/")[2]
        # The lake has what another page of this fetch lists, or a later fetch that was given up.
        is_elsewhere = stamp == fetch.stamp and row["raw_page"] not in {page for page, _ in versions}
        if stamp > fetch.stamp or is_elsewhere:
            return
        known = facts_of_row(row)
        # A fetch may list a recording twice; one of the versions counts.
        page, seen = next(
            (each for each in versions if all(known[name] == value for name, value in each[1].facts.items())),
            (page, seen),
        )
        self._count("recording", sid, page)
        for name, value in seen.facts.items():
            is_same = known[name] == value
            self._count(name, sid, page, *(() if is_same else (str(known[name]), str(value))))
        is_gone = row["deleted_at"] is not None
        said = (
            ()
            if is_gone == seen.is_deleted
            else (str(row["deleted_at"]), f"status {seen.facts.get('status')}")
        )
        self._count("deleted_at", sid, page, *said)

    def _find_unlisted(self, fetch: CountingFetch, known: set[str]) -> None:
        files = self._files_of({f"{day:%Y-%m}" for day in fetch.days})
        for run in consecutive(fetch.days):
            for row in rows_between(files, _COLUMNS, run.created_from, run.created_before):
                stamp = row["raw_page"].rpartition("/")[0].rpartition("/")[2]
                if (
                    row["recording_sid"].lower() not in known
                    and stamp <= fetch.stamp
                    and row["deleted_at"] is None
                ):
                    self._count("deleted_at", row["recording_sid"], row["raw_page"], "None", "not listed")

    def _count(self, name: str, sid: str, page: str, in_lake: str = "", on_page: str = "") -> None:
        counted = self.found.setdefault(name, _Compared())
        counted.compared += 1
        if in_lake != on_page:
            counted.differing += 1
            if not counted.example:
                counted.example = {
                    "example_sid": sid,
                    "in_lake": in_lake,
                    "on_page": on_page,
                    "raw_page": page,
                }

    @property
    def differs(self) -> bool:
        """Whether anything differs."""
        return any(counted.differing for counted in self.found.values())

    def add(self, other: "_Account") -> None:
        """Add what was compared separately."""
        for name, counted in other.found.items():
            own = self.found.setdefault(name, _Compared())
            own.compared += counted.compared
            own.differing += counted.differing
            own.example = own.example or counted.example

    def results(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of ops.raw_comparison."""
        nothing = dict.fromkeys(("example_sid", "in_lake", "on_page", "raw_page"))
        for name, counted in sorted(self.found.items()):
            yield {
                "account_sid": self.sid,
                "field": name,
                "is_figure": name in _FIGURES,
                "compared": counted.compared,
                "differing": counted.differing,
                **(nothing | counted.example),
            }


def compare_sample(
    data_dir: Path, covered: Sequence[AccountCoverage], pages: int = SAMPLE_PAGES
) -> list[dict[str, Any]]:
    """Compare some pages with the lake; other ones after every new fetch. Returns the rows of ops.raw_comparison."""
    raw, lake = RawPages(data_dir), Lake(data_dir)
    by_sid = {account.account_sid: account for account in covered}
    accounts: dict[str, _Account] = {}
    for fetch, number in sample([each for account in covered for each in counting_fetches(account)], pages):
        sid = fetch.landing.account_sid
        page, _ = raw.page(fetch.landing.page_name(number))
        account = accounts.setdefault(sid, _Account(lake, by_sid[sid]))
        own = _Account(lake, by_sid[sid])
        try:
            seen = [(page.name, each) for each in recordings_of(page.body)]
        except UnreadablePageError:
            continue
        own.compare(fetch, seen, is_whole=False)
        if own.differs:  # another page of the fetch may list the same recording as the lake has it
            own = _Account(lake, by_sid[sid])
            own.compare(fetch, *_listed(raw, fetch))
        account.add(own)
    return [row for account in accounts.values() for row in account.results()]


def compare_all(data_dir: Path, covered: Sequence[AccountCoverage]) -> list[dict[str, Any]]:
    """Compare all pages that count with the lake, and look for recordings that they do not list."""
    raw, lake = RawPages(data_dir), Lake(data_dir)
    rows: list[dict[str, Any]] = []
    for each in covered:
        account = _Account(lake, each)
        for fetch in counting_fetches(each):
            account.compare(fetch, *_listed(raw, fetch))
        rows += account.results()
    return rows


def _listed(raw: RawPages, fetch: CountingFetch) -> tuple[list[tuple[str, SeenRecording]], bool]:
    """Return the recordings of a fetch, each with its page, and whether they are all that it lists."""
    listed, is_whole = list[tuple[str, SeenRecording]](), True
    for page in raw.pages(fetch.landing):
        try:
            listed += [(page.name, seen) for seen in recordings_of(page.body)]
        except UnreadablePageError:
            is_whole = False
    return listed, is_whole
