"""The options that several commands of `recspend` share."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.report.presets import Preset
from transforms.errors import ConfigError

# The emulator's own lists, repeated so that --help need not load them; tests hold them together.
FAULTS = (
    "bad-json, bad-records, control-characters, corrections, deep-json, deletions, duplicates, empty-page-with-next, "
    "endless-body, endless-empty, endless-outside, endless-repeat, endless-rows, expired-token, flaky, huge-page, "
    "inserts, late-prices, long-text, lost-cursor, many-records, no-next-uri, not-found, odd-accounts, other-host, "
    "redirect, repeat-cursor, skipping-cursor, throttle, throttle-concurrency, token-in-header, trickle, "
    "trickle-head, unauthorized, usage-extra, usage-minutes, usage-missing, usage-price, usage-refused"
)
DIALECTS = (
    "date-only, day-exclusive, day-inclusive, instant-exclusive, instant-inclusive, iso-only, rfc2822-only"
)

First = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="First creation day, UTC: 2026-09-01.")
]
Last = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last creation day, UTC, included.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only this account (name or sid).")
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="N/M", help="Only the accounts of this part, such as 3/8: for several machines."
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Re-read the days from --from to --to even if they are covered.")
]
Audit = Annotated[
    int,
    typer.Option("--audit", metavar="N", min=0, help="Also re-read the N days whose last reading is oldest."),
]
Presets = Annotated[
    list[Preset] | None,
    typer.Option("--preset", help="Also write the costs for this system; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Prefect = Annotated[
    bool, typer.Option("--prefect", help="Run as a Prefect flow, even without PREFECT_API_URL.")
]
Recordings = Annotated[int, typer.Option(min=0, help="How many recordings, over all accounts.")]
Accounts = Annotated[int, typer.Option(min=1, help="How many accounts they are spread over.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same recordings.")]
Latency = Annotated[int, typer.Option(min=0, help="Wait this many milliseconds before each page.")]
Fault = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help=f"Inject this fault; repeatable: {FAULTS}.")
]
DialectOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help=f"Interpret date filters in this way; repeatable: {DIALECTS}."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any free port.")]
Replay = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Serve captured pages from this folder instead.")
]


def days_given(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """The days of --from and --to. Raises ConfigError when one of them is not a date."""
    days = []
    for flag, text in (("--from", first), ("--to", last)):
        try:
            days.append(date.fromisoformat(text) if text else None)
        except ValueError:
            raise ConfigError(f"{flag}: {text!r} is not a date (use YYYY-MM-DD).") from None
    return days[0], days[1]
