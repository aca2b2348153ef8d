"""How health looks on the terminal."""

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from transforms.monitor.health import AccountHealth, Health, Run
from transforms.values.durations import in_words

if TYPE_CHECKING:
    from flows.monitor.doctor.finding import Diagnosis


def health_lines(health: Health, max_age: timedelta | None) -> list[Text | Table]:
    """The state of a data folder, as `recspend status` shows it."""
    run, success = health.last_run, health.last_success
    ended = f"{success.finished_at:%Y-%m-%d %H:%M} UTC" if success and success.finished_at else "none yet"
    facts = {
        "Covered": _covered(health),
        "Last success": Text(ended, "" if success else "yellow"),
        "Last run": Text("none yet" if run is None else _how(run)),
        "Holes": _count(health.total("holes"), "days of accounts", "ops.coverage where not is_covered"),
        "Unpriced": _count(health.total("unpriced"), "recordings"),
        "Rejected": _count(health.total("rejected"), "records", "ops.rejects"),
        "Checks": _checks(health),
    }
    lines: list[Text | Table] = [Text.assemble(f"{name:<14}", words) for name, words in facts.items()]
    if health.held:
        lines.insert(0, Text(health.held, "yellow"))
    if len(health.accounts) > 1 and not health.held:
        lines.append(_accounts(health))
    if max_age is not None and health.held:
        lines.append(Text("NOT KNOWN: how old the coverage is.", "red"))
    elif max_age is not None and health.is_older_than(max_age):
        lines.append(
            Text(
                f"NOT CURRENT: the coverage must not end longer ago than {in_words(max_age)}. Run `recspend run`.",
                "red",
            )
        )
    return lines


def _covered(health: Health) -> Text:
    account, age = health.furthest_behind, health.age
    if health.held:
        return Text("not known now")
    if account is None or account.covered_until is None or age is None:
        unread = f"account {account.account_name} was never read" if account else "nothing was read yet"
        return Text(f"{unread}. Run `recspend run`.", "yellow")
    if health.is_in_the_future:
        return Text("until later than now, so a clock is or was wrong. See `recspend doctor`.", "yellow")
    of = f" (account {account.account_name})" if len(health.accounts) > 1 else ""
    return Text(f"{account.newest_day}, read until {_instant(account)} UTC, {in_words(age)} ago{of}")


def _how(run: Run) -> str:
    if run.exit_code is None:
        return run.in_words
    return f"{run.in_words}; {run.requests:,} requests, {run.retries:,} of them repeated"


def _count(number: int | None, of: str, look: str | None = None) -> Text:
    if number is None:
        return Text("not known yet")
    if look is None or not number:
        return Text(f"{number:,} {of}")
    return Text(f'{number:,} {of}; recspend query "from {look}"', "yellow")


def _checks(health: Health) -> Text:
    if health.failed_checks is None:
        return Text("not known yet")
    names = [*health.failed_checks, *(f"{name} (warns)" for name in health.warning_checks or ())]
    return Text(", ".join(names) or "passed", "red" if health.failed_checks else "yellow" if names else "")


def _accounts(health: Health) -> Table:
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("account", "first day", "newest day", "read until (UTC)", "holes", "unpriced", "rejected"):
        is_number = name in ("holes", "unpriced", "rejected")
        shown.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for each in health.accounts:
        known = (each.holes, each.unpriced, each.rejected)
        counts = ["-" if count is None else f"{count:,}" for count in known]
        shown.add_row(
            Text(each.account_name),
            str(each.first_day or "-"),
            str(each.newest_day or "-"),
            _instant(each),
            *counts,
        )
    return shown


def _instant(account: AccountHealth) -> str:
    return f"{account.covered_until:%Y-%m-%d %H:%M}" if account.covered_until else "-"


def finding_line(finding: "Diagnosis") -> Text:
    """One line of the doctor."""
    style = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.state]
    return Text.assemble((f"{finding.state:<6}", style), f"{finding.subject}: {finding.words}")
