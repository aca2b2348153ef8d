"""What a page may hold at most: bytes, records, values, length of a text and depth of nesting.

Real pages are far below: both vendors list at most 1,000 recordings a page (documented), about 1 MB of JSON, four
levels deep. A page beyond a bound is a mistake or an attack, and reading it would take the memory of the whole machine.
"""

import re

from transforms.errors import OversizedError

MOST_BYTES = 64 << 20
"""The largest body of a response, decompressed."""

MOST_RECORDS = 50_000
"""The most records of a page."""

LONGEST_TEXT = 10_000
"""The most characters of a field. Signed addresses of audio, the longest texts known, have up to about 4,000."""

DEEPEST = 32
"""How many lists and objects may be in one another."""

_MOST_VALUES = 3_000_000
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def check_size(body: bytes) -> None:
    """Refuse a page that would take too much memory to decode. Costs almost nothing for one of a usual size.

    Raises:
        OversizedError: The page is larger, or has more values, than any page of the API.
    """
    if len(body) > MOST_BYTES:
        raise OversizedError(f"it is larger than {MOST_BYTES >> 20} MB")
    # Between any two values is one of these signs. A body that is shorter need not be searched.
    if len(body) > _MOST_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise OversizedError(f"it has more than {_MOST_VALUES:,} values")


def check_records(records: int) -> None:
    """Refuse a page with too many records.

    Raises:
        OversizedError: There are more than MOST_RECORDS.
    """
    if records > MOST_RECORDS:
        raise OversizedError(f"it has {records:,} records, more than {MOST_RECORDS:,}")


def shallow(body: bytes) -> bytes:
    """Replace what is nested too deeply by null, so that one such value does not make its whole page unreadable.

    For pages that a decoder refuses as too deep. It takes seconds for millions of brackets.
    """
    kept, depth, end = list[bytes](), 0, 0
    for token in _TOKEN.finditer(body):
        sign = body[token.start()]
        if sign in b"[{":
            depth += 1
            if depth == DEEPEST:
                kept += [body[end : token.start()], b"null"]
        elif sign in b"]}":
            if depth == DEEPEST:
                end = token.end()
            depth -= 1
    return b"".join([*kept, body[end:]]) if depth < DEEPEST else b""
