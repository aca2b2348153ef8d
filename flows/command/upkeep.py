"""The commands for upkeep: `holidays` fills `reference/holidays.csv`, `compact` packs the raw pages of older months."""

import re
from typing import Annotated

import typer

from flows.command.options import AccountOption, AsJson
from flows.command.screen.output import put, say, show

app = typer.Typer()

_YEARS = re.compile(r"(\d{4})(?:-(\d{4}))?", re.ASCII)


@app.command()
def holidays(
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="A country, or one of its subdivisions: DE, DE-BY.")
    ],
    account: AccountOption = None,
    years: Annotated[
        str | None,
        typer.Option(
            metavar="YEARS", help="One year or several: 2024-2027. Default: from three ago to the next."
        ),
    ] = None,
) -> None:
    """Add the public holidays of a place to `reference/holidays.csv`, for all accounts or with --account for one.

    On these days little spend is not unusual. Lines that are there stay as they are. Needs `recspend[holidays]`.

    Example: `recspend holidays DE-BY --account support`
    """
    from flows.settings.accounts import account_names
    from flows.settings.loading import load
    from flows.stage import utc_now
    from flows.stores.folder.reference import add_rows
    from flows.stores.holidays import public_holidays
    from flows.stores.shipped import shipped
    from transforms.model.reference import HOLIDAYS
    from transforms.values.names import find_account

    this_year = utc_now().year
    first, last = (this_year - 3, this_year + 1) if years is None else _span(years)
    settings = load()
    sid = ""
    if account is not None:
        sid, _ = find_account(
            list(account_names(settings).items()), account, "No accounts are set up yet; run `recspend init`."
        )
    found = public_holidays(place, range(first, last + 1))
    rows = [{"account_sid": sid, "day": day.isoformat(), "name": name} for day, name in found.items()]
    path, added = add_rows(HOLIDAYS, settings.data_dir, shipped("reference"), rows)
    show(
        f"{place.upper()} has {len(found)} holidays from {first} to {last}; {added} of them are new in {path}.",
        "`recspend model` uses them.",
    )


@app.command()
def compact(as_json: AsJson = False) -> None:
    """Pack the raw pages of each older month into one file. A `run` does this too, once a day.

    The exact bytes stay readable. Exit code 2 if a damaged file prevents it, or a run that is working on an account;
    everything else is packed.

    Example: `recspend compact`
    """
    from dataclasses import asdict

    from flows.run.compaction import compact_now
    from flows.run.request import context_of
    from flows.settings.loading import load
    from transforms.values.json_text import json_text

    summary = compact_now(context_of(load()))
    done = summary.done
    if as_json:
        put(json_text({**asdict(done), "failed": summary.failed, "busy": summary.busy}))
    elif done.files_before:
        show(
            f"{done.files_before:,} files became {done.files_after:,}, "
            f"{done.bytes_before:,} bytes became {done.bytes_after:,}."
        )
    else:
        show("There is nothing to pack.")
    for reason in (*summary.failed, *summary.busy):
        say(f"Error: {reason}")
    if summary.failed or summary.busy:
        raise typer.Exit(2)


def _span(years: str) -> tuple[int, int]:
    from transforms.errors import ConfigError

    match = _YEARS.fullmatch(years)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= first + 50:
        raise ConfigError(f"'{years}' is not a year or a span of years (use 2026 or 2024-2027).")
    return first, last
