"""Make characters visible that would act on a terminal or a reader instead of being shown.

A name, a status or a message from outside may contain them: escape sequences that move the cursor, set the title or
clear the screen, marks that reverse the direction of what follows, separators that start a new line, and tags that
nobody sees.
"""

import re

# C0, DEL and C1; marks of direction; line separators; invisible operators, tags and the byte order mark; surrogates.
# The joiners U+200C and U+200D stay: words of some languages and some emoji need them.
_ACTS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff"
)
_IN_A_LINE = re.compile(f"[{_ACTS}]")
_IN_LINES = re.compile(f"(?![\n\t])[{_ACTS}]")
_TWO_UNITS = 0x10000


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return a text with characters that act on a terminal or a reader as escapes, such as `\u001b`.

    The escapes are those of JSON, so that JSON stays the same. lines: keep line ends and tabs.
    """
    if text.isascii() and text.isprintable():
        return text
    return (_IN_LINES if lines else _IN_A_LINE).sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < _TWO_UNITS:
        return f"\\u{point:04x}"
    high, low = divmod(point - _TWO_UNITS, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
