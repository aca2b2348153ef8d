"""Check each account: its credentials, the permissions of its token, the server's clock and its rate limits."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from flows.monitor.doctor.finding import Diagnosis, State
from flows.settings.accounts import accesses, account_names
from flows.settings.groups import retry_policy
from flows.settings.settings import Settings
from flows.stage import utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import USAGE, RecordingsApi
from flows.stores.api.responses import Answered
from flows.stores.folder.account_state import AccountStates
from transforms.errors import RecspendError
from transforms.ingest.dialect import calibrate
from transforms.monitor.clock import clock_ahead
from transforms.monitor.health import CLOCK_SLACK
from transforms.values.durations import in_words
from transforms.values.windows import Window

_DIALECTS = {
    None: "how dates are compared is determined once a day with recordings is over",
    "unclear": "how dates are compared is unclear, so more days are requested than needed",
    "instant-inclusive": "dates are compared to the second, bounds included",
    "instant-exclusive": "dates are compared to the second, bounds excluded",
    "day-inclusive": "dates are compared by day, bounds included",
    "day-exclusive": "dates are compared by day, bounds excluded",
}
# A synchronized clock is right to a fraction of a second.
_CLOCK_WARN = timedelta(seconds=5)
# Twilio-Concurrent-Requests is documented (twilio.com/docs/api/errors/20429); SignalWire documents no such header.
_ABOUT_RATES = re.compile(r"rate-?limit|retry-after|concurrent-requests|quota", re.IGNORECASE)
_LONGEST_VALUE = 60


def reached(settings: Settings) -> Iterator[Diagnosis]:
    """Request one row from each account; report clock and headers once per host."""
    reported: set[str] = set()
    for sid, name in account_names(settings).items() or [(None, "")]:
        try:
            (access,) = accesses(settings, sid)
        except RecspendError as error:
            yield Diagnosis(f"account {name}".strip(), "fail", str(error))
            continue
        api = _api(access, settings)
        yield _account(access, api, settings)
        if access.provider == "twilio" and settings.usage_records:
            yield _usage(access, api)
        if api.answered is not None and access.base_url not in reported:
            reported.add(access.base_url)
            yield _clock(access, api.answered)
            yield _rates(access, api.answered)


def _api(access: AccountAccess, settings: Settings) -> RecordingsApi:
    # Somebody is waiting for the doctor, so it retries less than a run does.
    hasty = replace(retry_policy(settings), attempts=2, backoff=0.2, longest_retry_after=5)
    return RecordingsApi(access, hasty)


def _account(access: AccountAccess, api: RecordingsApi, settings: Settings) -> Diagnosis:
    subject = f"account {access.name}"
    try:
        newest = api.newest()
        dialect = AccountStates(settings.data_dir).read(access.account_sid).dialect
        if dialect.filter is None:
            dialect = calibrate(lambda questions: [api.newest(each) for each in questions], utc_now().date())
    except RecspendError as error:
        return Diagnosis(subject, "fail", str(error))
    found = f"newest recording of {newest.date()}" if newest else "no recording with a readable date"
    words = (
        f"{access.base_url} ({access.provider}) responds; the token, from {access.token_hint}, may list recordings; "
        f"{found}; {_DIALECTS[dialect.filter]}"
    )
    facts = {"account_sid": access.account_sid, "provider": access.provider, "dialect": dialect.filter}
    return Diagnosis(subject, "warn" if dialect.filter == "unclear" else "ok", words, facts)


def _usage(access: AccountAccess, api: RecordingsApi) -> Diagnosis:
    """Check that the token may list Usage Records; a run works without them."""
    subject, today = f"usage records {access.name}", utc_now().date()
    try:
        api.fetch(api.usage_pager(Window(today, today)).url or "", USAGE)
    except RecspendError as error:
        cure = "Recordings are read anyway; usage_records = false turns this comparison off."
        return Diagnosis(subject, "warn", f"{error} {cure}")
    return Diagnosis(subject, "ok", "the token may list Twilio's own usage records")


def _clock(access: AccountAccess, answered: Answered) -> Diagnosis:
    """Compare this machine's clock with the server's. Ours decides whether a day is over."""
    subject = f"clock against {access.base_url}"
    ahead = clock_ahead(answered.headers.get("Date"), answered.asked_at, answered.answered_at)
    if ahead is None:
        return Diagnosis(
            subject, "warn", "the server does not send its time. Check this machine's clock yourself."
        )
    facts = {"ahead_seconds": round(ahead.total_seconds(), 3)}
    if abs(ahead) < _CLOCK_WARN:
        return Diagnosis(subject, "ok", "both agree, as far as a response can show", facts)
    state: State = "fail" if abs(ahead) >= CLOCK_SLACK else "warn"
    far = in_words(ahead) if abs(ahead) >= timedelta(minutes=1) else f"{abs(ahead).total_seconds():.0f} s"
    words = f"this machine's clock is {far} {'fast' if ahead > timedelta() else 'slow'}"
    why = "A day would count as over at the wrong time. Synchronize the clock with NTP."
    return Diagnosis(subject, state, f"{words}. {why}", facts)


def _rates(access: AccountAccess, answered: Answered) -> Diagnosis:
    headers = {
        name: value[:_LONGEST_VALUE]
        for name, value in answered.headers.items()
        if _ABOUT_RATES.search(name) and value.isprintable()
    }
    shown = ", ".join(f"{name}: {value}" for name, value in headers.items())
    return Diagnosis(
        f"rate limits of {access.base_url}",
        "ok",
        shown or "no response header mentions any",
        {"headers": headers},
    )
