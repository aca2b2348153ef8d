"""How things look on a terminal: tables, a progress bar, findings. Builds what `cli` prints."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow.types import is_decimal, is_floating, is_integer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from flows.job import Summary
from flows.progress import Progress
from flows.stores.check_results import CheckResult
from flows.stores.statements import Sealed, statement_table
from flows.stores.warehouse import Warehouse, warehouse_path
from transforms.reports import for_the_eye, to_text_frame
from transforms.since import Changes

if TYPE_CHECKING:  # what a run does not need
    from flows.emulator import Source
    from flows.explain import Explanation

logger = logging.getLogger(__name__)

_MOST_ODDITIES = 10
_LOG_SECONDS = 5
_ROOMY_WIDTH = 90
_SPEND = """
    select
        {keys},
        currency,
        sum(recordings)::bigint as recordings,
        sum(billed_minutes)::bigint as minutes,
        sum(cost) as cost,
        (sum(cost) / nullif(sum(priced_minutes), 0))::decimal(18, 6) as "cost/min",
        sum(unpriced_recordings)::bigint as unpriced
    from marts.{mart}
    group by all
    order by all
"""


def table(rows: pa.Table, title: str = "") -> Table:
    """Rows of the warehouse for the screen: numbers to the right, null as a dash."""
    padding = (0, 1) if get_terminal_size().columns >= _ROOMY_WIDTH else (0, 0)
    shown = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=padding,
        pad_edge=False,
        show_edge=False,
    )
    for field in rows.schema:
        is_number = any(test(field.type) for test in (is_integer, is_decimal, is_floating))
        shown.add_column(field.name, justify="right" if is_number else "left", overflow="fold")
    for values in for_the_eye(rows).itertuples(index=False, name=None):
        shown.add_row(*("-" if value is None else escape(value) for value in values))
    return shown


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """A progress bar on a terminal; elsewhere a plain log line whenever a stage moves on. Both to standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _logged_progress()
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProgressBar(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None = None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


def _logged_progress() -> Progress:
    last_logged = 0.0

    def log(stage: str, done: int, total: int | None = None) -> None:
        nonlocal last_logged
        if done in (0, total) or time.monotonic() - last_logged > _LOG_SECONDS:
            last_logged = time.monotonic()
            logger.info("%s: %d%s", stage, done, "" if total is None else f" of {total}")

    return log


def spend_tables(data_dir: Path) -> list[Table]:
    """The three tables of the demo and of every run: spend by source, by channels and by account, over all months."""
    warehouse = Warehouse(warehouse_path(data_dir))
    selects = {
        "source": _SPEND.format(mart="spend_by_source", keys="source"),
        "channels": _SPEND.format(mart="spend_by_channels", keys="channels"),
        "account": _SPEND.format(mart="spend_by_account", keys="account_name as account"),
    }
    return [table(rows, f"Spend by {word}") for word, rows in warehouse.tables(selects).items()]


def remarks(summary: Summary) -> list[Text]:
    """What a reader of the figures must know, as sentences; none when there is nothing."""
    lines = [Text(message, "red") for message in summary.failed.values()]
    lines += [Text(message, "yellow") for message in summary.warnings.values()]
    if summary.holes:
        lines.append(
            _look(f"{summary.holes} days of accounts are missing.", "ops.coverage where not is_covered")
        )
    if summary.rejected:
        lines.append(
            _look(f"{summary.rejected} records could not be understood and are in no figure.", "ops.rejects")
        )
    if summary.unpriced:
        lines.append(Text(f"{summary.unpriced} recordings have no price yet; the cost grows when it comes."))
    lines += check_lines([result for result in summary.checks if not result.is_passed])
    most = summary.oddities.most_common(_MOST_ODDITIES)
    lines += [
        Text(f"Odd: {kind}{f' {value!r}' if value else ''}, {count} {'row' if count == 1 else 'rows'}.")
        for (kind, value), count in most
    ]
    if len(summary.oddities) > _MOST_ODDITIES:
        lines.append(_look(f"And {len(summary.oddities) - _MOST_ODDITIES} more oddities.", "ops.oddities"))
    return lines


def stage_line(summary: Summary) -> Text:
    """One line of counts and seconds."""
    counts = [f"{value} {name}" for name, value in summary.as_object().items() if isinstance(value, int)]
    seconds = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items()]
    return Text(", ".join(counts) + (f" ({', '.join(seconds)})" if seconds else ""))


def since_lines(since: Changes) -> list[Text]:
    """What changed since the run before: recordings, money, and who moved most of it."""
    when = f"the run before ({since.before:%Y-%m-%d %H:%M} UTC)" if since.before else "the beginning"
    if since.is_nothing:
        return [Text(f"Nothing changed since {when}.")]
    counts = {"new": since.new, "changed": since.changed, "deleted": since.deleted, "back": since.returned}
    told = [f"{count} {word}" for word, count in counts.items() if count or word != "back"]
    money = [f"{currency} {_signed(change)}" for currency, change in since.cost.items()]
    lines = [Text(f"Since {when}: {', '.join(told)}; {', '.join(money) or 'no cost changed'}.")]
    for currency in since.cost:
        movers = [mover for mover in since.movers if mover.currency == currency]
        named = ", ".join(f"{each.account_name} {each.source} {_signed(each.change)}" for each in movers)
        lines.append(Text(f"Most in {currency}: {named}"))
    return lines


def _signed(change: Decimal) -> str:
    # Every digit that is used, and two at least.
    decimals = max(len(f"{change:f}".rstrip("0").partition(".")[2]), 2)
    return f"{change:+.{decimals}f}"


def files_line(data_dir: Path) -> Text:
    """Where everything is."""
    return Text(
        f"Warehouse: {warehouse_path(data_dir)}   CSV: {data_dir / 'reports'}   Raw pages: {data_dir / 'raw'}"
    )


def check_lines(results: Sequence[CheckResult]) -> list[Text]:
    """One line a check: passed, warns or failed, why it matters, and the first rows found."""
    return [_check_line(result) for result in results]


def statement_lines(sealed: Sealed, folder: Path) -> list[Table | Text]:
    """What was frozen: the rows, what was missing, where it is, and the digest over it."""
    statement = sealed.statement
    shown = statement_table(sealed)
    missing = [Text(f"Missing: {statement.missing.words}.", "yellow")] if statement.missing.words else []
    return [
        table(shown.drop_columns("account_sid"), f"Statement of {statement.month}"),
        *missing,
        Text(f"Closed at {statement.closed_at.isoformat()}   {folder}   sha256 {sealed.sha256}"),
    ]


def explanation_lines(found: "Explanation", rows: int) -> list[Table | Text]:
    """A figure, the sums of its recordings, the first of these with their pages, and how many pages were read."""
    asked = " ".join(found.asked)
    lines: list[Table | Text] = [
        table(found.figures, f"{found.mart} {asked}"),
        table(found.sums, "Its recordings add up to"),
    ]
    for row in to_text_frame(found.recordings.slice(0, rows)).to_dict("records"):
        lines.append(
            Text(
                f"{row['recording_sid']}  {row['created_at']}  {row['price_raw'] or 'no price'} {row['currency']}\n"
                f"    {row['raw_page']}, position {row['position'] or '?'}, sha256 {row['page_sha256'] or '?'}",
                "" if row["is_verified"] == "true" else "bold red",
            )
        )
    is_verified = found.recordings["is_verified"].to_pylist()
    verdict = (
        f"{sum(is_verified)} of {len(is_verified)} recordings were found again in {found.pages} raw pages."
    )
    more = f" --format csv prints all {len(is_verified)}." if len(is_verified) > rows else ""
    return [*lines, Text(verdict + more, "green" if all(is_verified) else "bold red")]


def how_to_use(base_url: str, source: "Source") -> list[Text]:
    """What to type to point recspend at a running emulator."""
    lines = [Text(f"Recordings API on {base_url}, until Ctrl-C. Its accounts, for another terminal:")]
    for account in source.accounts:
        lines.append(
            Text(
                f"RECSPEND_BASE_URL={base_url} RECSPEND_ACCOUNT_SID={account.account_sid} "
                f"RECSPEND_ACCOUNT_NAME={account.name} RECSPEND_API_TOKEN={account.api_token} recspend run"
            )
        )
    return lines


def _look(sentence: str, table_name: str) -> Text:
    return Text.assemble((sentence, "yellow"), f' See: recspend query "select * from {table_name}"')


def _check_line(result: CheckResult) -> Text:
    if result.is_passed:
        return Text.assemble(("passed  ", "green"), result.check.name)
    word, style = ("FAILED  ", "red") if result.stops else ("warns   ", "yellow")
    rows = f"{result.offending_rows} rows" if result.offending_rows != 1 else "1 row"
    return Text.assemble(
        (word, style), f"{result.check.name}: {rows}. {result.check.why} First: {'; '.join(result.sample)}"
    )
