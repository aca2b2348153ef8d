"""`recspend report`: the report files, an extract of them, or one mart on the terminal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.command.options import AccountOption, AsJson, Prefect, Presets
from flows.command.screen.output import put, say, show
from flows.report.formats import FileFormat
from transforms.errors import ConfigError

if TYPE_CHECKING:
    from flows.report.extract import ExtractRequest

app = typer.Typer()


@app.command()
def report(
    preset: Presets = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser afterwards.")
    ] = False,
    mart_shown: Annotated[
        str | None, typer.Option("--show", metavar="MART", help="Show this mart; in a pipe, as CSV.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="Only this month: 2026-09.")
    ] = None,
    account: AccountOption = None,
    mart: Annotated[
        list[str] | None, typer.Option("--mart", metavar="MART", help="Only this mart; repeatable.")
    ] = None,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="How to write the spend tables.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write an extract into this folder.")
    ] = None,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Write the spend tables as CSV files, the report page, and the charges in FOCUS format for cost systems.

    With `--preset`, also write the format one of these systems expects; with `--format`, also a workbook or Parquet.
    Such a file is kept up to date from then on, until you delete it.

    With `--month`, `--account`, `--mart` or `--out` it writes an extract and leaves all of these alone.

    Example: `recspend report --month 2026-09 --account support --format xlsx --out september`
    """
    from flows.command.perform import perform_request
    from flows.report.extract import ExtractRequest
    from flows.run.request import RunRequest

    # An empty value is a variable that somebody forgot to set. It must not mean "everything".
    is_narrow = any(given is not None for given in (month, account, out)) or bool(mart)
    if mart_shown is not None and (preset or mart or out or file_format or open_page):
        raise ConfigError(
            "--show can only be combined with --month, --account and --json. Leave it out to write files, or leave "
            "out the rest."
        )
    if is_narrow and (preset or open_page):
        raise ConfigError(
            "The page and the files of --preset always hold everything. Use them without --month, "
            "--account, --mart and --out."
        )
    request = ExtractRequest(month, account, tuple(mart or ()))
    if mart_shown is not None:
        _show_mart(mart_shown, request, as_json=as_json)
    elif is_narrow:
        _extract(request, file_format or FileFormat.CSV, out, as_json=as_json)
    else:
        formats = (file_format,) if file_format else ()
        everything = RunRequest("report", presets=tuple(preset or ()), formats=formats)
        perform_request(None, everything, as_json=as_json, prefect=prefect)
        if open_page:
            _open_page()


def _extract(request: "ExtractRequest", file_format: FileFormat, out: Path | None, *, as_json: bool) -> None:
    from flows.report.extract import extract
    from flows.settings.loading import load_to_read
    from flows.stores.shipped import shipped
    from transforms.values.json_text import json_text

    written = extract(load_to_read().data_dir, shipped("sql"), request, file_format, out)
    if as_json:
        files = [path.name for path in written.files]
        said = {
            "folder": written.folder,
            "files": files,
            "written": written.written,
            "left_out": written.left_out,
        }
        put(json_text(said, ascii_only=False))
        return
    for name, why in written.left_out.items():
        say(f"{name} is left out: {why}.")
    put(f"Wrote {len(written.files)} files to {written.folder} ({written.written} changed).")


def _show_mart(mart: str, request: "ExtractRequest", *, as_json: bool) -> None:
    from flows.report.extract import mart_rows
    from flows.settings.loading import load_to_read
    from flows.stores.shipped import shipped
    from transforms.report.text import to_csv, to_json

    rows = mart_rows(load_to_read().data_dir, shipped("sql"), mart, request)
    if as_json:
        put(to_json(rows))
    elif sys.stdout.isatty():
        from shutil import get_terminal_size

        from flows.command.screen.bars import fitted

        title = [part for part in (mart, request.month, request.account) if part is not None]
        show(*fitted(rows, title, get_terminal_size().columns))
    else:
        put(to_csv(rows), end="")


def _open_page() -> None:
    """Open the report page in the browser. Raises ConfigError when it was not written."""
    import webbrowser

    from flows.settings.loading import load_to_read

    page = load_to_read().data_dir / "reports" / "report.html"
    if not page.exists():
        raise ConfigError(f"{page} does not exist because report_page is off. Turn it on and run again.")
    webbrowser.open(page.resolve().as_uri())
