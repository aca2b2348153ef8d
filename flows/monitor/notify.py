"""Notify each channel in the settings of what a run found, once per finding.

A notification error is only a warning: it never changes the result of the run.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from flows.monitor.channels import Channel, channels
from flows.settings.settings import Settings
from flows.stage import utc_now
from flows.stores.bucket.turns import notified_turn
from flows.stores.folder.notified import Notified
from transforms.errors import reason_of
from transforms.monitor.bills import bills
from transforms.monitor.budgets import budgets
from transforms.monitor.coverage_gaps import holes
from transforms.monitor.findings import (
    KINDS,
    RECENT_DAYS,
    Finding,
    failed_checks,
    notified_failures,
)
from transforms.monitor.messages import Message, Seen, messages
from transforms.monitor.rates import rate_changes, rate_differences, rates_in_turn
from transforms.monitor.shifts import spend_shifts
from transforms.monitor.unusual_days import anomalies

Announce = Callable[[Message], None]

_EVENTS = "(prefect events)"  # no channel of the settings can have this name
_FIGURE_QUERIES = (
    "as_of",
    "budgets",
    "anomalies",
    "spend_shifts",
    "rate_changes",
    "rates_in_turn",
    "rate_differences",
    "bills",
)
"""Queries of `sql/queries/notify` that depend on figures; missing days are found without them."""

logger = logging.getLogger(__name__)


def findings_now(data_dir: Path, *, with_figures: bool = True) -> list[Finding]:
    """Return the findings in the current warehouse. with_figures: whether its figures can be relied on.

    Raises ConfigError if there is no warehouse.
    """
    from flows.stores.warehouse.sql_files import queries
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path

    selects = queries("notify", "holes", *(_FIGURE_QUERIES if with_figures else ()))
    tables = Warehouse(warehouse_path(data_dir)).tables(selects, {"recent_days": RECENT_DAYS})
    rows = {name: found.to_pylist() for name, found in tables.items()}
    found = holes(rows["holes"])
    for row in rows.get("as_of", []):
        found += budgets(rows["budgets"], row["as_of"])
        found += anomalies(rows["anomalies"], row["as_of"])
        found += spend_shifts(rows["spend_shifts"], row["as_of"])
        found += rate_changes(rows["rate_changes"], row["as_of"])
        found += rates_in_turn(rows["rates_in_turn"], row["as_of"])
        found += rate_differences(rows["rate_differences"])
        found += bills(rows["bills"], row["as_of"])
    return found


def findings_open(data_dir: Path, notified: Collection[str]) -> list[Finding]:
    """Return the current findings outside of a run, the most important kind first.

    Without a warehouse, only failed runs that were notified and have not succeeded since are known. notified: keys of
    the findings that any channel was notified of.
    """
    from flows.stores.warehouse.sql_files import query
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path

    failures = notified_failures(notified)
    if not warehouse_path(data_dir).exists():
        return failures
    rows = Warehouse(warehouse_path(data_dir)).table(query("report/stopping_checks")).to_pylist()
    stopping = failed_checks((row["name"], row["why"], row["offending_rows"]) for row in rows)
    return failures + stopping + findings_now(data_dir, with_figures=not stopping)


def notify(
    settings: Settings, announce: Announce | None, look: Callable[[], tuple[list[Finding], Seen]]
) -> dict[str, str]:
    """Send each channel the findings that are new to it; return what went wrong, by channel.

    look: returns the findings and what was examined; called while no other run is sending. announce: emits events, in
    addition to the channels in the settings. Never raises, so that the result of the run does not change.
    """
    listeners = channels(settings, utc_now)
    if announce is not None:
        listeners.append(Channel(_EVENTS, frozenset(KINDS), lambda: "Prefect automations", announce))
    if not listeners:
        return {}
    try:
        notified = Notified(settings.data_dir)
        # Locked before looking: otherwise the run that looked first would forget what the other one sent.
        with notified.locked(), notified_turn(settings.data_dir):
            warnings = _notify_each(notified, listeners, *look())
    except Exception as error:  # the figures do not depend on it
        warnings = {"notify": f"No notifications could be sent: {reason_of(error)}"}
    for warning in warnings.values():
        logger.warning(warning)
    return warnings


def _notify_each(
    notified: Notified, listeners: Sequence[Channel], found: list[Finding], seen: Seen
) -> dict[str, str]:
    before, warnings = notified.read(), {}
    names = [listener.name for listener in listeners]
    # A direct run emits no events, but emitted findings that went away are removed here too.
    sent = {
        name: seen.still_notified(before.get(name, ()), found)
        for name in (*names, *({_EVENTS} & before.keys()))
    }
    for listener in listeners:
        for message in messages(found, sent[listener.name] | {*seen.left}, listener.kinds):
            try:
                listener.send(message)
            except Exception as error:  # the next listener is notified anyway
                warnings[f"notify {listener.name}"] = (
                    f"Channel {listener.name} was not notified: {reason_of(error)}"
                )
                break  # the next run sends the rest
            sent[listener.name] |= {finding.key for finding in message.findings}
            with suppress(OSError):  # the last write reports the error
                notified.write(sent)
    return warnings | _saved(notified, sent)


def _saved(notified: Notified, sent: Mapping[str, set[str]]) -> dict[str, str]:
    """Save the list of sent notifications; return a warning if that fails."""
    try:
        notified.write(sent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return {
            "notify": f"Could not save the list of sent notifications ({reason}); the next run will send them again."
        }
    return {}
