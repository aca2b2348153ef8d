"""What ingesting is asked: which days, and how far a run looks back. Loads no library: settings show its defaults."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Rules:
    """How far a run without dates looks back.

    lookback_days: how many of the newest days, including today, are always fetched again. settle_days: how long a day
    is fetched again because one of its recordings has no price or is not done: in each run while it is younger than
    settle_each_run_days, then once a day while it is younger than settle_daily_days, then once a week. audit_days: how
    many of the days whose last fetch is oldest are also fetched again, to find deletions and corrections in old months.
    audit_requests: with about how many requests old days that still have recordings are also fetched again, to find
    deletions.
    """

    lookback_days: int = 3
    settle_days: int = 90
    audit_days: int = 0
    audit_requests: int = 10
    settle_each_run_days: int = 3
    settle_daily_days: int = 14


@dataclass(frozen=True, slots=True)
class ListLimits:
    """How long a list may be.

    pages: of one window. A window is at most a quarter, and one with many recordings is split down to single days, so
    20,000 pages are 20 million recordings, on a day or of a light quarter. useless_pages: empty pages, or pages with
    rows of earlier pages only, in a row. outside_pages: pages in a row whose rows were all created on other days.
    page_bytes: the average size of a page of a long list; real pages have half of it.
    """

    pages: int = 20_000
    useless_pages: int = 100
    outside_pages: int = 1_000
    page_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Which days to fetch, and how.

    first, last: the days, inclusive, UTC; None means from the account's first day, or to today. again: fetch each of
    them, covered or not. rules: how far a run looks back. usage: also fetch the Usage Records of these days, if the
    account has them. concurrency: how many windows are fetched at the same time. limits: how long a
    list of the API may be before it counts as endless.
    """

    first: date | None = None
    last: date | None = None
    again: bool = False
    rules: Rules = field(default_factory=Rules)
    usage: bool = True
    concurrency: int = 8
    limits: ListLimits = field(default_factory=ListLimits)
