"""The read-only commands: `check` and `query`."""

from enum import StrEnum
from typing import Annotated

import typer

from flows.command.options import AsJson
from flows.command.screen.output import put, say, show

app = typer.Typer()


class Format(StrEnum):
    """How `query` prints its rows."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command()
def check(
    full: Annotated[
        bool, typer.Option("--full", help="Also compare every recording with its raw page; takes minutes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the checks on the current warehouse; exit code 1 if a check of severity fail finds something.

    `--full` reads all raw pages again, in another way than `normalize` does, and compares the whole lake with them.
    Each run compares a sample.

    Example: `recspend check --full`
    """
    from flows.command.screen.run_summary import check_lines
    from flows.settings.loading import load_to_read
    from flows.stores.shipped import shipped
    from flows.stores.warehouse.checks import check_table
    from flows.stores.warehouse.sql_files import read_checks, read_models
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
    from transforms.report.text import to_json
    from transforms.values.counts import counted

    sql = shipped("sql")
    settings = load_to_read()
    checks = read_checks(sql, read_models(sql))
    results = Warehouse(warehouse_path(settings.data_dir)).check(checks)
    if full:
        from flows.run.full_check import check_all_pages
        from flows.run.request import context_of

        compared, of_all_pages = check_all_pages(context_of(settings), checks)
        say(f"Compared {counted(compared, 'recording', 'recordings')} with the raw pages.")
        by_name = {result.check.name: result for result in of_all_pages}
        results = [by_name.get(result.check.name, result) for result in results]
    if as_json:
        put(to_json(check_table(results)))
    else:
        show(*check_lines(results))
    if any(result.stops for result in results):
        raise typer.Exit(1)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One statement; the warehouse is read-only.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Query the warehouse.

    A query only reads, and it sees the tables of the warehouse and the lake below them, but no other file.

    Example: `recspend query "select * from marts.spend_by_source" --format csv`
    """
    from flows.command.screen.tables import table
    from flows.settings.loading import load_to_read
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
    from transforms.report.text import to_csv, to_json

    rows = Warehouse(warehouse_path(load_to_read().data_dir)).table(sql)
    if output is Format.table:
        show(table(rows))
    else:
        put(to_csv(rows) if output is Format.csv else to_json(rows) + "\n", end="")
