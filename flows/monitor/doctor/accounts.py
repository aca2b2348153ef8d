"""Each account: do its credentials work, may its token list what is needed, and what the answers tell beside."""

import re
from collections.abc import Iterator
from datetime import timedelta

from flows.monitor.doctor.finding import Diagnosis, State
from flows.settings.accounts import accesses, account_names
from flows.settings.settings import Settings
from flows.stage import utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import USAGE, RecordingsApi
from flows.stores.api.responses import Answered
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from transforms.errors import RecspendError
from transforms.ingest.dialect import calibrate
from transforms.monitor.clock import clock_ahead
from transforms.monitor.health import CLOCK_SLACK
from transforms.values.durations import in_words
from transforms.values.windows import Window

_DIALECTS = {
    None: "how dates are compared is found out once a day with recordings is over",
    "unclear": "how dates are compared is not clear, so more days are asked for than needed",
    "instant-inclusive": "dates are compared to the second, bounds included",
    "instant-exclusive": "dates are compared to the second, bounds left out",
    "day-inclusive": "dates are compared by day, bounds included",
    "day-exclusive": "dates are compared by day, bounds left out",
}
# A clock that something sets is right to a fraction of a second.
_CLOCK_LOOK = timedelta(seconds=5)
# Twilio-Concurrent-Requests is documented (twilio.com/docs/api/errors/20429); of SignalWire none is known.
_ABOUT_RATES = re.compile(r"rate-?limit|retry-after|concurrent-requests|quota", re.IGNORECASE)
_LONGEST_VALUE = 60


def reached(settings: Settings) -> Iterator[Diagnosis]:
    """Ask each account for one row; where accounts share a host, its clock and headers are told once."""
    told: set[str] = set()
    for sid, name in account_names(settings).items() or [(None, "")]:
        try:
            (access,) = accesses(settings, sid)
        except RecspendError as error:
            yield Diagnosis(f"account {name}".strip(), "broken", str(error))
            continue
        api = _api(access, settings)
        yield _account(access, api, settings)
        if access.provider == "twilio" and settings.usage_records:
            yield _usage(access, api)
        if api.answered is not None and access.base_url not in told:
            told.add(access.base_url)
            yield _clock(access, api.answered)
            yield _rates(access, api.answered)


def _api(access: AccountAccess, settings: Settings) -> RecordingsApi:
    # Who asks the doctor waits for the answer: not as long as a run would, when the API says so.
    retry_policy = RetryPolicy(
        settings.connect_timeout, settings.read_timeout, attempts=2, backoff=0.2, longest_retry_after=5
    )
    return RecordingsApi(access, retry_policy)


def _account(access: AccountAccess, api: RecordingsApi, settings: Settings) -> Diagnosis:
    subject = f"account {access.name}"
    try:
        newest = api.newest()
        dialect = AccountStates(settings.data_dir).read(access.account_sid).dialect
        if dialect.filter is None:
            dialect = calibrate(lambda questions: [api.newest(each) for each in questions], utc_now().date())
    except RecspendError as error:
        return Diagnosis(subject, "broken", str(error))
    found = f"newest recording of {newest.date()}" if newest else "no recording with a readable date"
    words = (
        f"{access.base_url} ({access.provider}) answers; the token, from {access.token_hint}, may list recordings; "
        f"{found}; {_DIALECTS[dialect.filter]}"
    )
    facts = {"account_sid": access.account_sid, "provider": access.provider, "dialect": dialect.filter}
    return Diagnosis(subject, "look" if dialect.filter == "unclear" else "ok", words, facts)


def _usage(access: AccountAccess, api: RecordingsApi) -> Diagnosis:
    """Whether the token may list Usage Records: a run goes on without them."""
    subject, today = f"usage records {access.name}", utc_now().date()
    try:
        api.fetch(api.usage_pager(Window(today, today)).url or "", USAGE)
    except RecspendError as error:
        cure = "Recordings are read all the same; usage_records = false leaves the comparison out."
        return Diagnosis(subject, "look", f"{error} {cure}")
    return Diagnosis(subject, "ok", "the token may list what Twilio counts itself")


def _clock(access: AccountAccess, answered: Answered) -> Diagnosis:
    """This machine's clock against the server's: by ours it is decided whether a day is over."""
    subject = f"clock against {access.base_url}"
    ahead = clock_ahead(answered.headers.get("Date"), answered.asked_at, answered.answered_at)
    if ahead is None:
        return Diagnosis(
            subject, "look", "the server does not say what time it is, so see to your clock yourself."
        )
    facts = {"ahead_seconds": round(ahead.total_seconds(), 3)}
    if abs(ahead) < _CLOCK_LOOK:
        return Diagnosis(subject, "ok", "the two agree, as far as an answer shows", facts)
    state: State = "broken" if abs(ahead) >= CLOCK_SLACK else "look"
    far = in_words(ahead) if abs(ahead) >= timedelta(minutes=1) else f"{abs(ahead).total_seconds():.0f} s"
    words = f"this machine is {far} {'ahead' if ahead > timedelta() else 'behind'}"
    why = "Days would be taken for over at the wrong time; have the clock set by NTP."
    return Diagnosis(subject, state, f"{words}. {why}", facts)


def _rates(access: AccountAccess, answered: Answered) -> Diagnosis:
    headers = {
        name: value[:_LONGEST_VALUE]
        for name, value in answered.headers.items()
        if _ABOUT_RATES.search(name) and value.isprintable()
    }
    said = ", ".join(f"{name}: {value}" for name, value in headers.items())
    return Diagnosis(
        f"rate limits of {access.base_url}", "ok", said or "no header tells of any", {"headers": headers}
    )
