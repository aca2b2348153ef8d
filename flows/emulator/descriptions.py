"""What each fault and each dialect does, in one line of Markdown: for the page of the emulator."""

from collections.abc import Mapping

from flows.emulator.faults.hostile_faults import (
    DEEP_LEVELS,
    ENDLESS_BYTES,
    LONG_CHARACTERS,
    MANY_RECORDS,
)
from flows.emulator.faults.late_changes import CORRECTED_DAYS, CORRECTED_SHARE, LATE_DAYS, LATE_SHARE
from flows.emulator.faults.page_faults import HUGE_FACTOR
from flows.emulator.faults.pagination_faults import SKIPPED_ROWS
from flows.emulator.faults.transport_faults import (
    MOST_AT_ONCE,
    NOT_FOUND_REQUESTS,
    TOKEN_LASTS,
    TOKEN_REFUSALS,
)
from flows.emulator.ledger.usage import EXTRA_MINUTES, RATE_FACTOR

FAULT_DESCRIPTIONS: Mapping[str, str] = {
    "throttle": "Some requests get 429, with `Retry-After` in seconds, as a date, or missing.",
    "throttle-concurrency": f"429 for every page request above {MOST_AT_ONCE} at once for one account.",
    "flaky": "500, 502 or 503 with HTML or an empty body, connection resets, truncated bodies, slow bodies.",
    "bad-json": "The first page request gets HTML with status 200.",
    "not-found": f"404 for the first {NOT_FOUND_REQUESTS} page requests of each account.",
    "expired-token": (
        f"401 for page requests {TOKEN_LASTS + 1} to {TOKEN_LASTS + TOKEN_REFUSALS} of each account, as if the "
        "token was rotated."
    ),
    "unauthorized": "401 for every page request.",
    "redirect": "302 to another host.",
    "repeat-cursor": "From the second page on, the next page is the same page again.",
    "other-host": "`next_page_uri` points to another host.",
    "no-next-uri": "`next_page_uri` of the last page is absent or empty in turn, not null.",
    "lost-cursor": (
        "400 with code 54453 when the row a cursor names is deleted, and once a window at random; fetching the window "
        "again works."
    ),
    "skipping-cursor": f"As `lost-cursor`, but pagination silently continues {SKIPPED_ROWS} rows later.",
    "duplicates": "A page repeats rows of the previous page, or one of its own.",
    "empty-page-with-next": "A page without rows; its next page has them.",
    "huge-page": f"{HUGE_FACTOR} times the requested page size.",
    "bad-records": "Broken records between the good ones. They are extra, so the totals do not change.",
    "endless-empty": "From the second page on, pages have no rows and name a new page for ever.",
    "endless-repeat": "From the second page on, pages have the rows of the first one and name a new page for ever.",
    "endless-outside": "From the second page on, pages have rows of another year and name a new page for ever.",
    "endless-rows": "From the second page on, pages have made-up rows and name a new page for ever.",
    "endless-body": f"Every page is a body of {ENDLESS_BYTES >> 30} GB.",
    "trickle": "The body of every page is sent at one byte per second.",
    "trickle-head": "The headers of every page are sent at one byte per second.",
    "deep-json": f"A record of each account has a field nested {DEEP_LEVELS:,} levels deep.",
    "long-text": f"An extra record of each account has a source of {LONG_CHARACTERS:,} characters.",
    "many-records": f"A page of each account has {MANY_RECORDS:,} records.",
    "control-characters": "An extra record of each account has escape sequences and reversed text where dates belong.",
    "token-in-header": "A header about rate limits repeats the API token.",
    "usage-extra": "Usage Records count one recording too many, on one day.",
    "usage-missing": "Usage Records count one recording too few, on one day.",
    "usage-minutes": f"Usage Records bill {EXTRA_MINUTES} extra minute for one recording.",
    "usage-price": f"Usage Records charge {RATE_FACTOR} times the price, on one day.",
    "usage-refused": "403 for every request for Usage Records.",
    "odd-accounts": "The list of accounts has extra ones: odd names, suspended, closed.",
    "late-prices": (
        f"{LATE_SHARE:.0%} of the prices arrive {LATE_DAYS[0]} to {LATE_DAYS[1]} days after the recording; for half of "
        "these `date_updated` changes."
    ),
    "corrections": (
        f"{CORRECTED_SHARE:.0%} of the prices change {CORRECTED_DAYS[0]} to {CORRECTED_DAYS[1]} days after the "
        "recording; for half of these `date_updated` changes."
    ),
    "deletions": "Recordings disappear, while they are listed and at midnight; only ones that were already listed.",
    "inserts": "Recordings appear while they are listed, as the newest or late in an earlier day.",
}
"""A line for each of FAULTS."""

DIALECT_DESCRIPTIONS: Mapping[str, str] = {
    "instant-inclusive": "Compares the time of day too, bound included. The default.",
    "instant-exclusive": "Compares the time of day too, bound excluded.",
    "day-inclusive": "Compares days (UTC), the day of the bound included.",
    "day-exclusive": "Compares days (UTC), the day of the bound excluded.",
    "iso-only": "Takes only `2026-09-30T00:00:00Z`; any other form gets 400.",
    "date-only": "Takes only `2026-09-30`; any other form gets 400.",
    "rfc2822-only": "Takes only `Wed, 30 Sep 2026 00:00:00 +0000`; any other form gets 400.",
}
"""A line for each of DIALECTS."""
