"""Pages that are not quite JSON: one bad record must not cost the others.

`NaN`, an invalid escape, a character that must be escaped or a bracket in the wrong place makes the whole page invalid,
although it is clear where the record begins and ends. A page that is cut off, or in which that is not clear, is not
divided.
"""

import re

import msgspec

from transforms.pages.bounds import DEEPEST, LONGEST_TEXT

# Matches every escape from left to right, so that an escaped backslash is never mistaken for the start of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_LIST = re.compile(rb'\s*+\{(?:[^"\[\]{}]++|%b)*?"recordings"\s*+:\s*+\[' % _STRING, re.DOTALL)
_NEXT_BRACKET = re.compile(rb"(?:[^\"\[\]{}]++|%b)*+([\[\]{}])" % _STRING, re.DOTALL)
_NEXT_SIGN = re.compile(rb"(?:[^\"\[\]{},]++|%b)*+([\[\]{},])" % _STRING, re.DOTALL)
_OPENED_BY = {b"]": b"[", b"}": b"{"}
_SID = re.compile(rb'"sid"\s*+:\s*+(%b)' % _STRING, re.DOTALL)
# What no real page comes near, so that a hostile one takes no more than seconds.
_LONGEST_START = 1 << 16
_MOST_BRACKETS = 1_000_000
_ANY = msgspec.json.Decoder(msgspec.Raw)


def divided(body: bytes) -> tuple[bytes, list[bytes]] | None:
    """Divide a page into what is around its records, as a page with an empty list, and the text of each record.

    Each text is JSON, or has exactly one sid. Returns None for a page that cannot be divided like that: it is cut off,
    or it is not a page.
    """
    found = _LIST.match(body, 0, _LONGEST_START)
    if found is None or body.count(b"]") + body.count(b"}") > _MOST_BRACKETS:
        return None
    first = begin = place = found.end()
    texts, opened = list[bytes](), list[bytes]()
    while sign := (_NEXT_BRACKET if opened else _NEXT_SIGN).match(body, place):
        place = sign.end()
        if sign[1] in b"[{":
            opened.append(sign[1])
            if len(opened) == DEEPEST:
                return None
        elif opened:
            _close(opened, sign[1])
        elif sign[1] in b",]":
            texts.append(without_lone_surrogates(body[begin : place - 1].strip()))
            begin = place
            if sign[1] == b"]":
                rows = [] if texts == [b""] else texts
                return (body[:first] + body[place - 1 :], rows) if all(map(_is_record, rows)) else None
    return None


def _close(opened: list[bytes], sign: bytes) -> None:
    """Close the bracket that this one belongs to, with all that was opened in it. One without any is ignored."""
    opener = _OPENED_BY[sign]
    while opener in opened and opened.pop() != opener:
        pass


def _is_record(text: bytes) -> bool:
    return is_json(text) or sid_in(text) is not None


def is_json(text: bytes) -> bool:
    """Whether a text is JSON, or nested so deeply that it is not known."""
    try:
        _ANY.decode(text)
    except RecursionError:
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def sid_in(text: bytes) -> str | None:
    """Return the sid in a text that is not JSON; None unless it has exactly one that can be read."""
    found = _SID.findall(text)
    try:
        sid = msgspec.json.decode(found[0], type=str) if len(found) == 1 else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return sid if 0 < len(sid) <= LONGEST_TEXT else None


def without_lone_surrogates(body: bytes) -> bytes:
    """Replace lone surrogates (`\\ud800`, allowed in JSON but not in Unicode) by the replacement character."""
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], body)
