"""Reports of one month, one account or some marts: which rows these are, and what to say when there are none."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from transforms.errors import ConfigError

_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which rows of the marts are asked for: of one month (its first day), of one account (its sid), or all."""

    month: date | None = None
    account_sid: str | None = None

    def select(
        self,
        sql: str,
        columns: Collection[str],
        month_from: Sequence[str],
        reads: Mapping[str, Collection[str]],
    ) -> str | None:
        """The SELECT with the rows asked for alone; None when that cannot be said of it.

        columns: those of its rows. month_from: which of them say its month, as in a twin. reads: full name → columns of
        the tables it reads. A SELECT without accounts is made of the rows of the account in the tables that it reads,
        when all of these have accounts.
        """
        conditions = []
        if self.account_sid is not None:
            of_account = f"account_sid = {_quoted(self.account_sid)}"
            if "account_sid" in columns:
                conditions.append(of_account)
            elif reads and all("account_sid" in of_table for of_table in reads.values()):
                names = "|".join(map(re.escape, reads))
                of_account = f" where {of_account})"
                sql = re.sub(rf"\b(?:{names})\b", lambda name: f"(select * from {name[0]}{of_account}", sql)  # noqa: S608
            else:
                return None
        if self.month is not None:
            if not month_from:
                return None
            first, last = month_from[0], month_from[-1]  # a span of days counts when it touches the month
            conditions.append(f"{first} <= last_day(date '{self.month}') and {last} >= date '{self.month}'")
        return f"select * from (\n{sql}\n) where {' and '.join(conditions)}" if conditions else sql  # noqa: S608


def account_called(accounts: Iterable[tuple[str, str]], called: str) -> tuple[str, str]:
    """The one account (sid, name) of that name or sid. Raises ConfigError naming those there are."""
    known = sorted(set(accounts), key=lambda account: (account[1], account[0]))
    found = [account for account in known if account[0] == called] or [
        account for account in known if account[1] == called
    ]
    if len(found) > 1:
        sids = " and ".join(sid for sid, _ in found)
        raise ConfigError(f"{len(found)} accounts are called {called}. Name one by its sid: {sids}.")
    if not found:
        raise ConfigError(f"There is no account {called}. {_there_are(called, [name for _, name in known])}")
    return found[0]


def mart_called(marts: Collection[str], called: str) -> str:
    """The mart of that name, `marts.` or not. Raises ConfigError naming those there are."""
    name = called.removeprefix("marts.")
    if name not in marts:
        close = get_close_matches(name, marts, 1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(f"There is no mart {called}.{meant} There are {', '.join(sorted(marts))}.")
    return name


def month_among(months: Iterable[date], month: date) -> date:
    """The month, when it is one of these. Raises ConfigError naming them."""
    known = [f"{each:%Y-%m}" for each in sorted(set(months))]
    asked = f"{month:%Y-%m}"
    if asked in known:
        return month
    if len(known) > _MOST_LISTED:
        known = [f"{known[0]} to {known[-1]}"]
    there_are = (
        f"There are {', '.join(known)}." if known else "No month was read yet; run `recspend run` first."
    )
    raise ConfigError(f"Nothing is known of {asked}. {there_are}")


def _there_are(called: str, names: Sequence[str]) -> str:
    if not names:
        return "No account was read yet; run `recspend run` first."
    close = get_close_matches(called, names, 1)
    shown = (
        names if len(names) <= _MOST_LISTED else [*names[:_MOST_LISTED], f"{len(names) - _MOST_LISTED} more"]
    )
    return f"{f'Did you mean {close[0]}? ' if close else ''}There are {', '.join(shown)}."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
