"""What a run is asked to do, and what it is given to do it with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from flows.report.formats import FileFormat
from flows.report.presets import Preset
from flows.settings.accounts import account_names
from flows.settings.settings import Settings
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from transforms.errors import ConfigError

if TYPE_CHECKING:
    from transforms.monitor.messages import Message

Command = Literal["run", "ingest", "normalize", "model", "report"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is asked for: a stage or all of them (`run`), days of creation (inclusive, UTC), one account or all.

    again: read the days even when they are covered. audit_days: re-read this many of the days whose last reading is
    oldest. presets: write the exports for these systems too. formats: write the spend tables in these formats next to
    CSV.
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
        """The request itself. Raises ConfigError when its days make no sense; today is the day in UTC."""
        if self.first and self.first > min(self.last or today, today):
            problem = (
                f"after the last day, {self.last}"
                if self.last and self.first > self.last
                else "in the future"
            )
            raise ConfigError(
                f"The first day, {self.first}, is {problem}. Days are inclusive and UTC; today is {today}."
            )
        if self.again and self.first is None:
            raise ConfigError("Re-reading days needs a first day. Give one with --from.")
        return self

    @property
    def reads_api(self) -> bool:
        """Whether accounts and their tokens are needed."""
        return self.command in ("run", "ingest")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run is given: the settings, and how steps, progress, time and events are handled around it.

    accounts: how to reach the accounts to read; None: those of the settings, looked up when the run begins. names:
    account sid → name, of all accounts. announce: emits an event for each message, in addition to the channels of the
    settings.
    """

    settings: Settings
    accounts: Sequence[AccountAccess] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    step: Step = directly
    progress: Progress = silent
    clock: Clock = utc_now
    announce: "Callable[[Message], None] | None" = None


def context_of(settings: Settings) -> RunContext:
    """The context of a run of the accounts that the settings describe. Reads no token."""
    return RunContext(settings, None, account_names(settings))
