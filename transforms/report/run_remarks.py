"""What a reader must know about a run, as sentences: the same on a terminal, in Prefect and in a flow run's state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from transforms.pages.oddities import Oddities
from transforms.values.counts import counted

Severity = Literal["error", "warning", "note"]
_MOST_ODDITIES = 10


@dataclass(frozen=True, slots=True)
class Remark:
    """One or more sentences.

    table: where to select the rows from. file: the report that lists them. sample: the first rows, for a terminal.
    Each is empty if there is none.
    """

    severity: Severity
    text: str
    table: str = ""
    file: str = ""
    sample: str = ""

    @property
    def with_file(self) -> str:
        """The sentence, and the report that lists the rows."""
        return f"{self.text} See reports/{self.file}." if self.file else self.text


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that found rows: its name, why they matter, how many, and the first of them as text.

    stops: whether the figures must not be published.
    """

    name: str
    why: str
    rows: int
    stops: bool
    sample: tuple[str, ...] = ()


def run_remarks(
    *,
    failed: Mapping[str, str],
    busy: Mapping[str, str],
    warnings: Mapping[str, str],
    missing_days: int,
    rejected: int,
    unpriced: int,
    checks: Iterable[FailedCheck],
    oddities: Oddities,
) -> list[Remark]:
    """Return what a reader of the figures must know; empty if there is nothing.

    Args:
        failed: Name of an account → why it could not be read, and what to do.
        busy: Name of an account → which other process has it, so that its new days are not in the tables yet.
        warnings: Name of an account or notification channel → what else went wrong.
        missing_days: Days of accounts that are not covered.
        rejected: Records that could not be parsed, so they are in no figure.
        unpriced: Recordings that wait for a price.
        checks: Checks that found something.
        oddities: Unexpected data from the API.
    """
    remarks = [Remark("error", message) for message in failed.values()]
    remarks += [Remark("warning", message) for message in (*busy.values(), *warnings.values())]
    if missing_days:
        remarks.append(days_missing(missing_days))
    if rejected:
        what = counted(
            rejected, "record could not be understood and is", "records could not be understood and are"
        )
        remarks.append(Remark("warning", f"{what} in no figure.", "ops.rejects"))
    if unpriced:
        what = counted(unpriced, "recording has", "recordings have")
        remarks.append(Remark("note", f"{what} no price yet; the cost will rise as prices arrive."))
    return [*remarks, *_failed(list(checks)), *_odd(oddities)]


def days_missing(days: int) -> Remark:
    """Remark on days of accounts that are not covered."""
    text = f"{counted(days, 'day of accounts is', 'days of accounts are')} missing."
    return Remark("warning", text, "ops.coverage where not is_covered", "holes.csv")


def _failed(checks: Sequence[FailedCheck]) -> list[Remark]:
    remarks = [check_failed(check) for check in checks]
    if any(check.stops for check in checks):
        remarks.append(Remark("error", "Because of what the checks found, the reports were not changed."))
    return remarks


def check_failed(check: FailedCheck) -> Remark:
    """Remark on what a check found."""
    text = f"Check {check.name} found {counted(check.rows, 'row', 'rows')}. {check.why}"
    return Remark("error" if check.stops else "warning", text, sample="; ".join(check.sample))


def _odd(oddities: Oddities) -> list[Remark]:
    most = sorted(oddities.found.items(), key=lambda each: -each[1].rows)
    remarks = [
        Remark("note", f"Unexpected: {kind}{f' {value!r}' if value else ''} in {oddity.words(value)}.")
        for (kind, value), oddity in most[:_MOST_ODDITIES]
    ]
    if len(most) > _MOST_ODDITIES:
        text = f"{len(most) - _MOST_ODDITIES:,} more things were unexpected."
        remarks.append(Remark("note", text, "ops.oddities"))
    return remarks
