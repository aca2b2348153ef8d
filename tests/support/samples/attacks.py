"""A text that acts on a terminal or a reader, and a search for what would: by Unicode's categories, not by our list."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

ATTACK = "\x1b[2J\x1b]0;title\x07\x00\x9b1A\u202egnp.exe\u2028\x7f"
_ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
_HARMLESS = "\n\t\u200c\u200d"


def acting(shown: Any) -> set[str]:
    """Return the characters that act on what shows these texts, also within lists and mappings, as keys too."""
    if isinstance(shown, str):
        return {each for each in shown if unicodedata.category(each) in _ACTING and each not in _HARMLESS}
    if isinstance(shown, Mapping):
        return acting(list(shown)) | acting(list(shown.values()))
    return set().union(*map(acting, shown)) if isinstance(shown, Iterable) else set()
