"""The commands behind a reported figure: `close` (what did we report?) and `explain` (where does it come from?)."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.command.options import AsJson
from flows.command.query import Format
from flows.command.screen.output import put, say, show

if TYPE_CHECKING:
    from flows.report.explain import Explanation

app = typer.Typer()

_MOST_PROBLEMS = 10


@app.command()
def close(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="The month to close: 2026-09.")],
    accept_incomplete: Annotated[
        bool,
        typer.Option(
            "--accept-incomplete", help="Close even with days or prices missing; the statement says so."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Freeze the cost of a month as of now. Later changes go to `marts.adjustments`, in the month they are found.

    The statement is written once, to `statements/MONTH` in the data folder, and never changed.

    Example: `recspend close 2026-09`
    """
    from flows.command.screen.figures import statement_lines
    from flows.run.closing import close_month
    from flows.run.request import context_of
    from flows.settings.loading import load
    from flows.stores.folder.statements import Statements, as_json_text

    settings = load()
    sealed = close_month(context_of(settings), month, accept_incomplete=accept_incomplete)
    if as_json:
        put(as_json_text(sealed))
    else:
        show(*statement_lines(sealed, Statements(settings.data_dir).folder(month)))


@app.command()
def explain(
    mart: Annotated[str, typer.Argument(metavar="MART", help="A spend table: daily_spend.")],
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN=VALUE", help="Any part of its key; nothing after = means null."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="How to print it; csv prints all recordings.")
    ] = Format.table,
    rows: Annotated[int, typer.Option(min=0, help="How many recordings the table shows.")] = 10,
) -> None:
    """Show where a figure comes from: its recordings, and the page each one was received in.

    Each page is read, compared with the digest of what was received, and searched for its recordings. Exit code 1 if
    one does not verify, or if the recordings do not add up to the figure. Pages that were dropped, as `raw_keep` says,
    are named.

    Example: `recspend explain daily_spend usage_date=2026-09-14 source=DialVerb`
    """
    from flows.command.screen.figures import explanation_lines
    from flows.report.explain import explain as explained
    from flows.settings.loading import load_to_read
    from flows.stores.shipped import shipped
    from flows.stores.warehouse.sql_files import read_models
    from transforms.report.text import to_csv

    found = explained(load_to_read().data_dir, read_models(shipped("sql")), mart, key or [])
    if output is Format.table:
        show(*explanation_lines(found, rows))
    else:
        put(to_csv(found.recordings) if output is Format.csv else _json_of(found) + "\n", end="")
    for page in found.dropped[:_MOST_PROBLEMS]:
        say(f"NOT VERIFIABLE: {page}")
    for problem in found.problems[:_MOST_PROBLEMS]:
        say(f"NOT VERIFIED: {problem}")
    if len(found.problems) > _MOST_PROBLEMS:
        say(f"NOT VERIFIED: and {len(found.problems) - _MOST_PROBLEMS} more.")
    if found.problems:
        raise typer.Exit(1)


def _json_of(found: "Explanation") -> str:
    import json

    from transforms.report.text import to_json
    from transforms.values.json_text import json_text

    tables = {"figures": found.figures, "sums": found.sums, "recordings": found.recordings}
    said = {
        "mart": found.mart,
        "asked": found.key,
        "pages": found.pages,
        **{name: json.loads(to_json(table)) for name, table in tables.items()},
        "problems": found.problems,
        "dropped": found.dropped,
    }
    return json_text(said, ascii_only=False)
