"""How things look on a terminal: tables, a progress bar, findings. Builds what `cli` prints."""

import logging
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from flows.command.screen.figures import _look
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult
from flows.stores.warehouse.warehouse import warehouse_path
from transforms.report.since_last_run import Changes

if TYPE_CHECKING:  # what a run does not need
    pass

logger = logging.getLogger(__name__)

_MOST_ODDITIES = 10


def remarks(summary: RunSummary) -> list[Text]:
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


def stage_line(summary: RunSummary) -> Text:
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


def _check_line(result: CheckResult) -> Text:
    if result.is_passed:
        return Text.assemble(("passed  ", "green"), result.check.name)
    word, style = ("FAILED  ", "red") if result.stops else ("warns   ", "yellow")
    rows = f"{result.offending_rows} rows" if result.offending_rows != 1 else "1 row"
    return Text.assemble(
        (word, style), f"{result.check.name}: {rows}. {result.check.why} First: {'; '.join(result.sample)}"
    )
