"""The commands of the lake: `lake files` lists its files for other engines, `lake sync` mirrors the bucket."""

import typer

from flows.command.options import AccountOption, AsJson
from flows.command.screen.output import put, show

app = typer.Typer(help="List the files of the lake, and bring the data folder up to date with the bucket.")


@app.command()
def files(account: AccountOption = None, as_json: AsJson = False) -> None:
    """List the Parquet files that are in the lake now, for Spark, DuckDB, Athena and others.

    With a bucket (`lake_url`) these are the addresses of the objects. Files that are not listed are older or not
    finished: do not read a folder by a pattern.

    Example: `recspend lake files --json`
    """
    from flows.command.screen.tables import table
    from flows.settings.accounts import account_names
    from flows.settings.loading import load_to_read
    from flows.stores.bucket.contents import commits_in
    from flows.stores.lake.current import current_files
    from flows.stores.lake.lake import Lake
    from transforms.report.text import to_json
    from transforms.values.names import find_account

    settings = load_to_read()
    lake, root = Lake(settings.data_dir), settings.lake_url.rstrip("/")
    commits = (
        commits_in(root) if root else {sid: found for sid in lake.accounts() if (found := lake.commit(sid))}
    )
    if account is not None:
        names = {sid: sid for sid in commits} | account_names(settings)
        sid, _ = find_account(list(names.items()), account, "Nothing was read yet; run `recspend run`.")
        commits = {sid: commits[sid]} if sid in commits else {}
    rows = current_files(commits, root or str(settings.data_dir.absolute()))
    if as_json:
        put(to_json(rows))
    else:
        show(table(rows.drop_columns(["sha256"])))


@app.command()
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
