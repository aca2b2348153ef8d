"""Telling somebody of what a run found: once per finding, over each channel of the settings.

Telling is beside the run: whatever goes wrong with it is a warning, and the run is what it was.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from flows.monitor.channels import Channel, channels
from flows.settings.settings import Settings
from flows.stage import utc_now
from flows.stores.folder.notified import Notified
from transforms.errors import reason_of
from transforms.monitor import figure_findings as figures
from transforms.monitor.findings import (
    KINDS,
    Finding,
    failed_checks,
    failures_told,
)
from transforms.monitor.messages import Message, Seen, messages

Announce = Callable[[Message], None]

_EVENTS = "(prefect events)"  # no channel of the settings can have this name
_FIGURE_QUERIES = ("as_of", "budgets", "anomalies", "rate_changes", "rate_differences", "bills")
"""Queries of `sql/queries/notify` that rest on the figures; the days that are missing can be told without them."""

logger = logging.getLogger(__name__)


def findings_now(data_dir: Path, *, with_figures: bool = True) -> list[Finding]:
    """What there is to tell of the warehouse as it stands. with_figures: whether its figures can be relied on.

    Raises ConfigError when there is no warehouse.
    """
    from flows.stores.warehouse.sql_files import queries
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path

    selects = queries("notify", "holes", *(_FIGURE_QUERIES if with_figures else ()))
    tables = Warehouse(warehouse_path(data_dir)).tables(selects, {"recent_days": figures.RECENT_DAYS})
    rows = {name: found.to_pylist() for name, found in tables.items()}
    found = figures.holes(rows["holes"])
    for row in rows.get("as_of", []):
        found += figures.budgets(rows["budgets"], row["as_of"])
        found += figures.anomalies(rows["anomalies"], row["as_of"])
        found += figures.rate_changes(rows["rate_changes"], row["as_of"])
        found += figures.rate_differences(rows["rate_differences"])
        found += figures.bills(rows["bills"], row["as_of"])
    return found


def findings_open(data_dir: Path, told: Collection[str]) -> list[Finding]:
    """What there is to tell when no run is at it, the weightiest kind first. told: keys that anybody was told.

    Nothing is known without a warehouse but the failed runs that were told and are not over.
    """
    from flows.stores.warehouse.sql_files import query
    from flows.stores.warehouse.warehouse import Warehouse, warehouse_path

    failures = failures_told(told)
    if not warehouse_path(data_dir).exists():
        return failures
    rows = Warehouse(warehouse_path(data_dir)).table(query("report/stopping_checks")).to_pylist()
    stopping = failed_checks((row["name"], row["why"], row["offending_rows"]) for row in rows)
    return failures + stopping + findings_now(data_dir, with_figures=not stopping)


def notify(
    settings: Settings, announce: Announce | None, look: Callable[[], tuple[list[Finding], Seen]]
) -> dict[str, str]:
    """Send every channel what is new to it; return what went wrong, by channel.

    look: gives the findings and what was looked at; called once no other run is sending. announce: emits events, in
    addition to the channels of the settings. Raises nothing: a run is what it was, however its notifications end.
    """
    listeners = channels(settings, utc_now)
    if announce is not None:
        listeners.append(Channel(_EVENTS, frozenset(KINDS), lambda: "automations of Prefect", announce))
    if not listeners:
        return {}
    try:
        notified = Notified(settings.data_dir)
        with notified.locked():  # before looking: who looked first must not forget what the other found since
            warnings = _tell_each(notified, listeners, *look())
    except Exception as error:  # whatever it is, the figures do not depend on it
        warnings = {"notify": f"Nobody could be told of what the run found: {reason_of(error)}"}
    for warning in warnings.values():
        logger.warning(warning)
    return warnings


def _tell_each(
    notified: Notified, listeners: Sequence[Channel], found: list[Finding], seen: Seen
) -> dict[str, str]:
    before, warnings = notified.read(), {}
    names = [listener.name for listener in listeners]
    # A direct run emits no events; what was emitted is forgotten as elsewhere.
    told = {
        name: seen.still_told(before.get(name, ()), found) for name in (*names, *({_EVENTS} & before.keys()))
    }
    for listener in listeners:
        for message in messages(found, told[listener.name] | {*seen.left}, listener.kinds):
            try:
                listener.send(message)
            except Exception as error:  # whatever it is, the next listener is told
                warnings[f"notify {listener.name}"] = (
                    f"Channel {listener.name} was not told: {reason_of(error)}"
                )
                break  # what is left of it, the next run tells
            told[listener.name] |= {finding.key for finding in message.findings}
            with suppress(OSError):  # the last one says it
                notified.write(told)
    return warnings | _kept(notified, told)


def _kept(notified: Notified, told: Mapping[str, set[str]]) -> dict[str, str]:
    """Keep what was told; the warning when that cannot be."""
    try:
        notified.write(told)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return {"notify": f"Who was told what could not be kept ({reason}), so the next run tells it again."}
    return {}
