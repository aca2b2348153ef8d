"""A quarter of a year in the life of some accounts, read by several runs, with everything that can happen to them.

Prices come late, are corrected and withdrawn; recordings appear, change, move, vanish and come back; months are closed;
the API fails. With one window at a time, the same story always gives the same data folder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from flows.emulator import FORMS, Forms, LivingLedger, LivingSource, Parameters, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.settings.account_settings import AccountSettings, Credits, Provider
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, epoch_of, in_haste

FIRST_DAY = date(2026, 7, 1)
_DAY = 86_400
_CHANGING = ("late-prices", "corrections", "deletions", "inserts")


@dataclass(frozen=True)
class Story:
    """What happens.

    zone: the reporting time zone. days, hour: when it is read, UTC. closings: a day of these → the months that are
    closed after its run. twilio: how many of the accounts, from the first, are Twilio's. faults, dialect: of the
    emulator. unread: first and last of the days that no run asks for. audit_days: how many old days each run reads
    again. edits: how many recordings change before each run, in addition to what the faults do. left_behind: from this
    day on, the last account is not read. zone_at_last: another reporting time zone, set before the last
    run. concurrency: how many windows are read at once. increments: seconds in whose steps the accounts are billed, in
    turn. increments_at_last: what the settings say instead, before the last run. credits: from each of these days on,
    the setting `credits` of the accounts, in turn. refunds: before the run of each of these days, recordings change the
    sign of their price. surges: days on which accounts record more.
    """

    seed: int
    zone: str
    days: Sequence[date]
    closings: Mapping[date, Sequence[str]]
    hour: int = 10
    recordings: int = 700
    accounts: int = 2
    twilio: int = 1
    faults: Sequence[str] = _CHANGING
    dialect: str = "instant-inclusive"
    unread: tuple[date, date] | None = None
    audit_days: int = 15
    edits: int = 9
    left_behind: date | None = None
    zone_at_last: str | None = None
    concurrency: int = 1
    increments: tuple[int, ...] = (60,)
    increments_at_last: tuple[int, ...] | None = None
    credits: Mapping[date, tuple[Credits, ...]] = field(default_factory=dict)
    refunds: Mapping[date, Sequence["Refund"]] = field(default_factory=dict)
    surges: Sequence["Surge"] = ()

    def requests(self) -> list[RunRequest]:
        """Return what is asked for each time: everything, or all but the unread days."""
        if self.unread is None:
            return [RunRequest(audit_days=self.audit_days)]
        first, last = self.unread
        return [
            RunRequest(first=FIRST_DAY, last=first - timedelta(days=1)),
            RunRequest(first=last + timedelta(days=1), audit_days=self.audit_days),
        ]


class Refund(NamedTuple):
    """The price of this share of an account's recordings gets the other sign. month: of creation, such as 2026-07."""

    account: int
    month: str
    share: float


class Surge(NamedTuple):
    """An account has more recordings on each day from first to last: this many of the same length."""

    account: int
    first: date
    last: date
    recordings: int


@dataclass(frozen=True)
class Told:
    """What a story left behind: a data folder, and what the settings say of its accounts, by sid.

    credits_at: what they said when each month was closed.
    """

    data_dir: Path
    zone: str
    names: Mapping[str, str]
    providers: Mapping[str, str]
    increments: Mapping[str, int]
    credits: Mapping[str, Credits]
    credits_at: Mapping[str, Mapping[str, Credits]]


def tell(story: Story, data_dir: Path, reference: Callable[[Sequence[str]], Mapping[str, str]]) -> Told:
    """Let a story happen. reference: sids of the accounts → the text of each reference file, by name."""
    begins = epoch_of(story.days[0], story.hour * 3600)
    source = open_living(
        Parameters(story.seed, story.recordings, story.accounts, story.increments), now=begins
    )
    sids = [account.account_sid for account in source.accounts]
    (data_dir / "reference").mkdir(parents=True)
    for name, text in reference(sids).items():
        (data_dir / "reference" / f"{name}.csv").write_text(text)
    providers: dict[str, Provider] = {
        sid: "twilio" if place < story.twilio else "signalwire" for place, sid in enumerate(sids)
    }
    with (
        serve(source, faults=story.faults, dialect=story.dialect, seed=story.seed) as emulator,
        in_haste(page_size=20),
    ):
        accounts = [replace(each, provider=providers[each.account_sid]) for each in accesses_of(emulator)]
        for surge in story.surges:
            _surge(source.ledger, surge)
        context, credits_at = _happen(story, source, _context(story, source, accounts, data_dir))
    perform(context, RunRequest("report"))
    zone = story.zone_at_last or story.zone
    billed = {each.account_sid: each.billing_increment_seconds or 60 for each in context.settings.accounts}
    names = {each.account_sid: each.name for each in accounts}
    return Told(data_dir, zone, names, providers, billed, _credits(context), credits_at)


def _credits(context: RunContext) -> dict[str, Credits]:
    return {each.account_sid: each.credits for each in context.settings.accounts}


def _context(
    story: Story, source: LivingSource, accounts: Sequence[AccountAccess], data_dir: Path
) -> RunContext:
    settings = Settings(
        data_dir=data_dir,
        backoff=0,
        attempts=20,
        concurrency=story.concurrency,
        accounts=_entries(accounts, story.increments),
        reporting_timezone=story.zone,
    )
    names = {each.account_sid: each.name for each in accounts}
    return RunContext(settings, accounts, names, clock=clock_of(source.ledger))


def _entries(
    accounts: Sequence[AccountAccess | AccountSettings], increments: Sequence[int]
) -> list[AccountSettings]:
    return [
        AccountSettings(
            name=each.name,
            base_url=each.base_url,
            account_sid=each.account_sid,
            provider=each.provider,
            billing_increment_seconds=increments[place % len(increments)],
        )
        for place, each in enumerate(accounts)
    ]


def _happen(
    story: Story, source: LivingSource, context: RunContext
) -> tuple[RunContext, dict[str, dict[str, Credits]]]:
    """Do the runs and closings of a story; return the context of the last, and the credits at each closing."""
    rng, credits_at = Random(story.seed), {}
    for day in story.days:
        if day == story.days[-1] and story.zone_at_last:
            settings = context.settings.model_copy(update={"reporting_timezone": story.zone_at_last})
            context = replace(context, settings=settings)
        if day == story.days[-1] and story.increments_at_last:
            entries = _entries(context.settings.accounts, story.increments_at_last)
            context = replace(context, settings=context.settings.model_copy(update={"accounts": entries}))
        if day in story.credits:
            context = replace(context, settings=_with_credits(context.settings, story.credits[day]))
        source.ledger.advance_to(epoch_of(day, story.hour * 3600))
        if day != story.days[0]:
            for _ in range(story.edits):
                rng.choice(_EDITS)(source.ledger, rng)
        for refund in story.refunds.get(day, ()):
            _refund(source.ledger, rng, refund)
        is_left_behind = story.left_behind is not None and day >= story.left_behind
        accounts = (context.accounts or ())[: -1 if is_left_behind else None]
        for request in story.requests():
            summary = perform(replace(context, accounts=accounts), request)
            assert (summary.exit_code, summary.failed) == (0, {}), summary.stopping_checks
        for month in story.closings.get(day, ()):
            close_month(context, month, accept_incomplete=True)
            credits_at[month] = _credits(context)
    return context, credits_at


def _with_credits(settings: Settings, credits: Sequence[Credits]) -> Settings:
    entries = [
        each.model_copy(update={"credits": credits[place % len(credits)]})
        for place, each in enumerate(settings.accounts)
    ]
    return settings.model_copy(update={"accounts": entries})


def _refund(ledger: LivingLedger, rng: Random, refund: Refund) -> None:
    first = date.fromisoformat(f"{refund.month}-01")
    begins, ends = epoch_of(first), epoch_of((first + timedelta(days=32)).replace(day=1))
    sid = ledger.accounts[refund.account].account_sid
    for each in [state.recording for state in ledger.listed(sid)]:
        if begins <= each.created_at < ends and rng.random() < refund.share:
            sign = "positive" if each.forms.sign == "negative" else "negative"
            _change(ledger, rng, each, forms=replace(each.forms, sign=sign))


def _surge(ledger: LivingLedger, surge: Surge) -> None:
    sid = ledger.accounts[surge.account].account_sid
    like = max((each.recording for each in ledger.listed(sid)), key=lambda each: each.price or 0)
    for number in range((surge.last - surge.first).days + 1):
        morning = epoch_of(surge.first + timedelta(days=number), 9 * 3600)
        for place in range(surge.recordings):
            moment = morning + 60 * place
            sequence = ledger.next_sequence(sid)
            ledger.insert(replace(like, sequence=sequence, created_at=moment, updated_at=moment))


def _any(ledger: LivingLedger, rng: Random) -> Recording:
    listed = [each.recording for account in ledger.accounts for each in ledger.listed(account.account_sid)]
    return rng.choice(listed)


def _change(ledger: LivingLedger, rng: Random, recording: Recording, **fields: Any) -> None:
    """Change a recording. Whether its date of update moves with it is not known of the real API."""
    ledger.change(recording.sid, keep_updated_at=rng.random() < 0.5, **fields)


def _give_price(ledger: LivingLedger, rng: Random) -> None:
    price = Decimal(rng.choice(["0.0025", "0.0175", "0.000000001", "0", "1.25"]))
    _change(ledger, rng, _any(ledger, rng), price=price, currency="USD")


def _withdraw_price(ledger: LivingLedger, rng: Random) -> None:
    _change(ledger, rng, _any(ledger, rng), price=None)


def _change_currency(ledger: LivingLedger, rng: Random) -> None:
    _change(ledger, rng, _any(ledger, rng), currency=rng.choice(["USD", "EUR", "JPY", None]))


def _change_length(ledger: LivingLedger, rng: Random) -> None:
    _change(ledger, rng, _any(ledger, rng), duration_seconds=rng.choice([None, 0, 1, 4, 5, 60, 61, 7000]))


def _change_source(ledger: LivingLedger, rng: Random) -> None:
    _change(ledger, rng, _any(ledger, rng), source=rng.choice(["Trunking", "Conference", "NewVerb"]))


def _write_otherwise(ledger: LivingLedger, rng: Random) -> None:
    """Send the same in other forms; the price may get the other sign."""
    forms = {name: rng.choice(written) for name, written in FORMS.items() if rng.random() < 0.5}
    _change(ledger, rng, _any(ledger, rng), forms=Forms(**forms))


def _change_status(ledger: LivingLedger, rng: Random) -> None:
    status = rng.choice(["completed", "failed", "absent", "deleted", "in-progress", "stopped"])
    _change(ledger, rng, _any(ledger, rng), status=status, error_code=rng.choice([None, "16101"]))


def _change_channels(ledger: LivingLedger, rng: Random) -> None:
    _change(ledger, rng, _any(ledger, rng), channels=rng.choice([1, 2]))


def _move(ledger: LivingLedger, rng: Random) -> None:
    recording = _any(ledger, rng)
    moment = recording.created_at + rng.choice([-31, -1, 1, 31]) * _DAY
    earliest = epoch_of(FIRST_DAY)
    _change(ledger, rng, recording, created_at=min(max(moment, earliest), ledger.now))


def _take_away(ledger: LivingLedger, rng: Random) -> None:
    ledger.delete(_any(ledger, rng).sid)


def _bring_back(ledger: LivingLedger, rng: Random) -> None:
    gone = [each.recording.sid for each in ledger.recordings() if each.deleted_at is not None]
    if gone:
        ledger.restore(rng.choice(gone))


def _insert(ledger: LivingLedger, rng: Random) -> None:
    like = _any(ledger, rng)
    moment = rng.choice([ledger.now - 3600, like.created_at + 60])
    sequence = ledger.next_sequence(like.account_sid)
    ledger.insert(replace(like, sequence=sequence, created_at=moment, updated_at=moment))


_EDITS = (
    *(_give_price, _withdraw_price, _change_currency, _change_length, _change_source, _change_status),
    *(_write_otherwise, _change_channels, _move, _take_away, _bring_back, _insert),
)
