"""Format a run's summary and its findings for a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from flows.run.remarks import failed_check, remarks_of
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult
from flows.stores.warehouse.warehouse import warehouse_path
from transforms.report.run_remarks import Remark, check_failed
from transforms.report.since_last_run import Changes
from transforms.values.money import amounts, readable

_STYLES = {"error": "red", "warning": "yellow", "note": ""}


def remarks(summary: RunSummary) -> list[Text]:
    """Return what a reader of the figures must know, as sentences; empty if there is nothing."""
    return [_remark_line(remark) for remark in remarks_of(summary)]


def _remark_line(remark: Remark) -> Text:
    first = f" First: {remark.sample}" if remark.sample else ""
    see = f' See: recspend query "from {remark.table}"' if remark.table else ""
    return Text.assemble((remark.text, _STYLES[remark.severity]), first + see)


def stage_line(summary: RunSummary) -> Text:
    """Format counts and seconds as one line."""
    found = {name: value for name, value in summary.as_object().items() if isinstance(value, int)}
    # Only an account with long waits for prices has any: a zero would say nothing to others.
    singles = {"single recordings": number} if (number := found.pop("singles", 0)) else {}
    counts = [f"{value:,} {name}" for name, value in {**found, **singles}.items()]
    seconds = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items()]
    return Text(", ".join(counts) + (f" ({', '.join(seconds)})" if seconds else ""))


def since_lines(since: Changes) -> list[Text]:
    """Describe what changed since the previous run: recordings, cost, and the largest changes."""
    when = f"the previous run ({since.before:%Y-%m-%d %H:%M} UTC)" if since.before else "the beginning"
    if since.is_nothing:
        return [Text(f"Nothing changed since {when}.")]
    counts = {"new": since.new, "changed": since.changed, "deleted": since.deleted, "back": since.returned}
    counted = [f"{count:,} {word}" for word, count in counts.items() if count or word != "back"]
    money = zip(readable(since.cost.values(), signed=True), since.cost, strict=True)
    costs = ", ".join(f"{change} {currency}" for change, currency in money) or "no cost changed"
    lines = [Text(f"Since {when}: {', '.join(counted)}; {costs}.")]
    for currency in since.cost:
        movers = [mover for mover in since.movers if mover.currency == currency]
        changes = amounts([mover.change for mover in movers], currency, signed=True)
        named = [
            f"{mover.account_name} {mover.source} {change}"
            for mover, change in zip(movers, changes, strict=True)
        ]
        lines.append(Text(f"Largest changes: {', '.join(named)}"))
    return lines


def files_line(data_dir: Path) -> Text:
    """Say where the files are."""
    return Text(
        f"Warehouse: {warehouse_path(data_dir)}   CSV: {data_dir / 'reports'}   Raw pages: {data_dir / 'raw'}"
    )


def check_lines(results: Sequence[CheckResult]) -> list[Text]:
    """Format one line per check: its state, why it matters, and the first rows found."""
    return [_check_line(result) for result in results]


def _check_line(result: CheckResult) -> Text:
    if result.is_passed:
        return Text.assemble(("passed  ", "green"), result.check.name)
    word, style = ("failed  ", "red") if result.stops else ("warns   ", "yellow")
    return Text.assemble((word, style), _remark_line(check_failed(failed_check(result))).plain)
