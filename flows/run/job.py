"""What a run is asked for, what it needs, and what it did."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flows.report.formats import FileFormat
from flows.report.presets import Preset
from flows.settings.settings import Settings
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from transforms.errors import BusyError, ConfigError

if TYPE_CHECKING:
    from flows.stores.warehouse.checks import CheckResult
    from transforms.monitor.messages import Message
    from transforms.report.since_last_run import Changes

Command = Literal["run", "ingest", "normalize", "model", "report"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is asked for: a stage or all of them (`run`), days of creation (inclusive, UTC), one account or all.

    again: read the days even when they are covered. audit_days: read so many of the oldest readings again. presets:
    write the exports for these systems too. formats: write the spend tables in these formats beside CSV.
    """

    command: Command = "run"
    first: date | None = None
    last: date | None = None
    account: str | None = None
    rebuild: bool = False
    again: bool = False
    audit_days: int = 0
    presets: tuple[Preset, ...] = ()
    formats: tuple[FileFormat, ...] = ()

    def checked(self, today: date) -> "RunRequest":
        """The job itself. Raises ConfigError when its days cannot be; today is the day in UTC."""
        if self.first and self.first > min(self.last or today, today):
            end = f"after the last one, {self.last}" if self.last and self.first > self.last else "to come"
            raise ConfigError(
                f"The first day {self.first} is {end}. Days are inclusive and UTC; today is {today}."
            )
        if self.again and self.first is None:
            raise ConfigError("To read days again, say which: give the first one.")
        return self

    @property
    def reads_api(self) -> bool:
        """Whether accounts and their tokens are needed."""
        return self.command in ("run", "ingest")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What is needed for it. names: account sid → name, of all accounts in the settings.

    announce: who is told of findings beside the channels of the settings.
    """

    settings: Settings
    accounts: Sequence[AccountAccess]
    names: dict[str, str]
    step: Step = directly
    progress: Progress = silent
    clock: Clock = utc_now
    announce: "Callable[[Message], None] | None" = None


@dataclass(slots=True)
class RunSummary:
    """What the stages did; None where a stage was not part of it.

    cost: currency → plain decimal, of everything in the warehouse. seconds: stage → seconds. failed: account → what
    went wrong and what to do. warnings: account or channel → what of less weight went
    wrong. since: what changed since the run
    before, or the models were built before.
    """

    requests: int | None = None
    retries: int | None = None
    pages: int | None = None
    rows: int | None = None
    new: int | None = None
    changed: int | None = None
    deleted: int | None = None
    rejected: int | None = None
    unpriced: int | None = None
    cost: dict[str, str] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    holes: int | None = None
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    checks: "list[CheckResult]" = field(default_factory=list)
    oddities: Counter[tuple[str, str]] = field(default_factory=Counter)
    reports: list[Path] = field(default_factory=list)
    since: "Changes | None" = None

    @property
    def stopping_checks(self) -> "list[CheckResult]":
        """Checks of severity fail that found something."""
        return [check for check in self.checks if check.stops]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 a check of severity fail failed, 3 an account could not be read."""
        if self.stopping_checks:
            return 1
        return 3 if self.failed else 0

    def as_object(self) -> dict[str, Any]:
        """The summary as one JSON object; what belongs to stages that did not run is left out."""
        counts = ("requests", "retries", "pages", "rows", "new", "changed", "deleted", "rejected", "unpriced")
        known = {
            name: getattr(self, name) for name in (*counts, "cost", "seconds", "holes", "failed", "warnings")
        }
        since = {} if self.since is None else {"since": self.since.as_object()}
        return {name: value for name, value in known.items() if value is not None} | {
            **since,
            "failed_checks": [check.check.name for check in self.stopping_checks],
        }


@contextmanager
def on_failure(job: RunRequest, react: Callable[[Exception], None]) -> Iterator[None]:
    """React to an error that ends a whole run in the block, and raise it as well; not when another run is at it."""
    try:
        yield
    except BusyError:
        raise
    except Exception as error:
        if job.command == "run":
            react(error)
        raise
