"""Find what a name means that somebody typed. An error lists the known names and suggests the closest."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from transforms.errors import ConfigError

_MOST_ACCOUNTS = 12


def find_account(accounts: Iterable[tuple[str, str]], called: str, if_none: str) -> tuple[str, str]:
    """The one account with this sid or, when no sid matches, with this name.

    Args:
        accounts: Sid and name of each known account; repeated ones count once.
        called: What was typed.
        if_none: What to say, as a sentence, when no account is known at all.

    Returns:
        Sid and name.

    Raises:
        ConfigError: No account matches, or several have this name.
    """
    known = sorted(set(accounts), key=lambda account: (account[1], account[0]))
    found = [account for account in known if account[0] == called]
    found = found or [account for account in known if account[1] == called]
    if len(found) > 1:
        sids = " and ".join(sid for sid, _ in found)
        raise ConfigError(f"{len(found)} accounts are called {called}. Name one by its sid: {sids}.")
    if not found:
        names = [name for _, name in known]
        raise ConfigError(f"There is no account {called}. {_known(called, names, _MOST_ACCOUNTS) or if_none}")
    return found[0]


def find_mart_name(marts: Collection[str], called: str) -> str:
    """The mart with this name, without its schema. Raises ConfigError when there is none.

    marts: names without schema. called: what was typed, with `marts.` or without.
    """
    name = called.removeprefix("marts.")
    if name not in marts:
        raise ConfigError(f"There is no mart {called}. {_known(name, sorted(marts), len(marts))}")
    return name


def _known(called: str, names: Sequence[str], most: int) -> str:
    if not names:
        return ""
    close = get_close_matches(called, names, 1)
    more = [f"{len(names) - most} more"] if len(names) > most else []
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}There are {', '.join([*names[:most], *more])}."
