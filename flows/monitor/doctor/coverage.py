"""Summarize what was read so far: the last run and the coverage of each account."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from flows.monitor.doctor.finding import Diagnosis, State
from flows.monitor.health import health
from flows.settings.settings import Settings
from transforms.errors import RecspendError
from transforms.monitor.health import AccountHealth, Health
from transforms.values.durations import in_words


def coverage_seen(settings: Settings, names: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Diagnose the last run, then each account."""
    now = datetime.now(UTC)
    try:
        found = health(settings.data_dir, names, settings.reporting_timezone, now)
    except RecspendError as error:
        yield Diagnosis("coverage", "fail", str(error))
        return
    yield _last_run(found)
    if found.held:
        yield Diagnosis("coverage", "warn", found.held)
        return
    for account in found.accounts:
        yield _coverage(account, now)


def _last_run(found: Health) -> Diagnosis:
    run = found.last_run
    if run is None:
        return Diagnosis("last run", "warn", "none yet. Run `recspend run`.")
    cures = {
        1: ". `recspend check` shows which.",
        2: ". Run it again to see the error.",
        3: ". See the accounts below.",
    }
    words = f"{run.in_words}{cures.get(run.exit_code or 0, '')}"
    facts = {"started_at": run.started_at.isoformat(), "exit_code": run.exit_code}
    is_fine = run.is_under_way or run.exit_code == 0
    return Diagnosis("last run", "ok" if is_fine else "warn", words, facts)


def _coverage(account: AccountHealth, now: datetime) -> Diagnosis:
    subject = f"coverage {account.account_name}"
    if account.first_day is None or account.covered_until is None:
        return Diagnosis(subject, "warn", "nothing was read yet. Run `recspend run`.")
    is_ahead = account.is_in_the_future(now)
    until = f"{in_words(now - account.covered_until)} ago"
    words = (
        f"{account.first_day} to {account.newest_day}, read until "
        f"{'a time in the future, so a clock is or was wrong' if is_ahead else until}; "
        f"{account.holes} days missing, {account.unsettled} recordings without a price or unfinished"
    )
    state: State = "warn" if is_ahead or account.holes else "ok"
    if account.holes:
        words += (
            '. Run `recspend run`; `recspend query "from ops.coverage where not is_covered"` lists the days.'
        )
    facts = {
        "first_day": account.first_day.isoformat(),
        "newest_day": str(account.newest_day),
        "covered_until": account.covered_until.isoformat(),
        "holes": account.holes,
        "unsettled": account.unsettled,
    }
    return Diagnosis(subject, state, words, facts)
