"""What a run is asked to do, and the context it is given for that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows.report.formats import FileFormat
from flows.report.presets import Preset
from flows.settings.accounts import accesses, account_names
from flows.settings.settings import Settings
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ConfigError
from transforms.settings.shards import Shard

if TYPE_CHECKING:
    from transforms.monitor.messages import Message

Command = Literal["run", "ingest", "normalize", "model", "report"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked to do.

    command: a single stage, or all of them (`run`). first, last: days of creation (inclusive, UTC). account: name or
    sid of the only account to read; None: all. rebuild: build the lake from scratch. again: read the days even if they
    are covered. audit_days: also re-read this many days, those whose last fetch is oldest. presets: also write the
    exports for these systems. formats: also write the spend tables in these formats, in addition to CSV. wait_minutes:
    wait up to this long while another run has an account or the data folder. shard: only the accounts of this part; a
    run of it builds no tables, which need all accounts. figures_only: a run that reads nothing, and builds the tables
    of what is there.
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
    wait_minutes: int = 0
    shard: Shard | None = None
    figures_only: bool = False

    def checked(self, today: date) -> "RunRequest":
        """Return the request itself. Raises ConfigError when its days are not possible. today: the day in UTC."""
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
            raise ConfigError("Re-reading days needs a first day. Set it with --from.")
        reads = self.first, self.last, self.account, self.again, self.audit_days, self.shard
        if self.figures_only and any(reads):
            raise ConfigError("--figures-only reads nothing. Leave out the accounts and days to read.")
        return self

    @property
    def reads_api(self) -> bool:
        """Whether accounts and their tokens are needed."""
        return self.command in ("run", "ingest") and not self.figures_only

    @property
    def builds_tables(self) -> bool:
        """Whether a run builds tables and reports, and looks for findings in them."""
        return self.command == "run" and self.shard is None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run is given: the settings, and how to run steps, report progress, read the clock and emit events.

    accounts: how to reach the accounts to read; None: those of the settings, looked up when the run begins. names:
    account sid → name, of all accounts. announce: emits an event for each message, in addition to the channels in the
    settings.
    """

    settings: Settings
    accounts: Sequence[AccountAccess] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    step: Step = directly
    progress: Progress = silent
    clock: Clock = utc_now
    announce: "Callable[[Message], None] | None" = None


def accounts_to_read(context: RunContext, request: RunRequest) -> Sequence[AccountAccess]:
    """Return how to reach the accounts that a request reads; none if it does not ask the API.

    Raises ConfigError when an account or its token is missing, or an account is spelled in another way than in the data
    folder.
    """
    if context.accounts is not None:
        return _of_shard(context.accounts, request)
    if not request.reads_api:
        return []
    found = accesses(context.settings, request.account)
    _refuse_other_spelling(found, context.settings.data_dir)
    return _of_shard(found, request)


def _of_shard(accounts: Sequence[AccountAccess], request: RunRequest) -> Sequence[AccountAccess]:
    shard = request.shard
    return accounts if shard is None else [each for each in accounts if shard.has(each.account_sid)]


def _refuse_other_spelling(accounts: Sequence[AccountAccess], data_dir: Path) -> None:
    """Refuse a sid in another case than the data folder has it: its recordings would be read and counted twice."""
    stored = {sid.lower(): sid for sid in RawPages(data_dir).accounts()}
    for account in accounts:
        known = stored.get(account.account_sid.lower(), account.account_sid)
        if known != account.account_sid:
            raise ConfigError(
                f"The account_sid of {account.name}, {account.account_sid}, is {known} in {data_dir}. Write it in the "
                "same way."
            )


def context_of(settings: Settings) -> RunContext:
    """Return the context for a run over the accounts in the settings. Reads no token."""
    return RunContext(settings, None, account_names(settings))
