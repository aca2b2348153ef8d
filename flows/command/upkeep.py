"""The commands for upkeep.

`holidays` fills `reference/holidays.csv`, `compact` packs the raw pages of older months, `lake files` lists the files
of the lake for other engines, and `lake sync` brings the data folder up to date with the bucket.
"""

import re
from typing import Annotated

import typer

from flows.command.options import AccountOption, AsJson
from flows.command.screen.output import put, say, show

app = typer.Typer()
lake = typer.Typer(help="List the files of the lake, and bring the data folder up to date with the bucket.")
app.add_typer(lake, name="lake")

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


@lake.command()
def files(account: AccountOption = None, as_json: AsJson = False) -> None:
    """List the Parquet files that are in the lake now, one a line, for Spark, DuckDB, Athena and others.

    `--json` also has the account, the month of creation, the number of recordings, the size and the digest. With a
    bucket (`lake_url`) these are the addresses of the objects. Files that are not listed are older or not finished: do
    not read a folder by a pattern.

    Example: `recspend lake files --json`
    """
    from flows.settings.accounts import account_names
    from flows.settings.loading import load_to_read
    from flows.stores.bucket.contents import commits_in
    from flows.stores.lake.current import current_files
    from flows.stores.lake.lake import Lake
    from transforms.report.text import to_json
    from transforms.values.names import find_account

    settings = load_to_read()
    local, root = Lake(settings.data_dir), settings.lake_url.rstrip("/")
    commits = (
        commits_in(root) if root else {sid: found for sid in local.accounts() if (found := local.commit(sid))}
    )
    if account is not None:
        names = {sid: sid for sid in commits} | account_names(settings)
        sid, _ = find_account(list(names.items()), account, "Nothing was read yet; run `recspend run`.")
        commits = {sid: commits[sid]} if sid in commits else {}
    rows = current_files(commits, root or str(settings.data_dir.absolute()))
    if as_json:
        put(to_json(rows))
    else:
        for file in rows["file"].to_pylist():
            put(file)


@lake.command()
def sync(as_json: AsJson = False) -> None:
    """Bring the data folder up to date with the bucket: lake, raw pages, statements, run records and reports.

    A file that is here already is not fetched again. `run` does this too, before it builds the tables; use it where
    another machine runs and this one only reads. The tables are built by `recspend model`.

    Example: `recspend lake sync`
    """
    from flows.run.request import context_of
    from flows.run.syncing import sync_now
    from flows.settings.loading import load
    from transforms.values.counts import counted
    from transforms.values.json_text import json_text

    newer = sync_now(context_of(load()))
    if as_json:
        put(json_text({"accounts": newer}))
    else:
        show(f"{counted(len(newer), 'account was', 'accounts were')} newer in the bucket.")
