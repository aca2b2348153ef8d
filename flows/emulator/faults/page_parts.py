"""Split a page into its parts, so that a fault can rearrange them. The text of each record is kept unchanged."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from flows.emulator.http.messages import FileSlice, Response, json_bytes

_DECODER = json.JSONDecoder()
_ARRAY = re.compile(r'"recordings"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class PageParts:
    """The JSON text before the records, the text of each record, and the text after them."""

    response: Response
    head: str
    rows: tuple[str, ...]
    tail: str

    def uri(self, name: str) -> str | None:
        """Return one of the envelope's uris."""
        match = _member(name).search(self.head) or _member(name).search(self.tail)
        return None if match is None else json.loads(match[2])

    def with_next(self, uri: str) -> "PageParts":
        """Return the same page with another next_page_uri."""
        member, text = _member("next_page_uri"), json_bytes(uri).decode()

        def changed(part: str) -> str:
            return member.sub(lambda match: match[1] + text, part, count=1)

        return replace(self, head=changed(self.head), tail=changed(self.tail))

    def with_rows(self, rows: Iterable[str]) -> Response:
        """Return the page with other records."""
        text = f"{self.head}{','.join(rows)}{self.tail}"
        return replace(self.response, body=(text.encode(),))


def split_page(response: Response) -> PageParts | None:
    """Split a page into its parts. Returns None if the response is not a page."""
    text = b"".join(map(_bytes, response.body)).decode()
    match = _ARRAY.search(text) if response.status == 200 else None
    if match is None:
        return None
    rows, position = list[str](), _skipped(text, match.end())
    while text[position] != "]":
        _, end = _DECODER.raw_decode(text, position)
        rows.append(text[position:end])
        position = _skipped(text, end)
    return PageParts(response, text[: match.end()], tuple(rows), text[position:])


def _member(name: str) -> re.Pattern[str]:
    return re.compile(rf'("{name}"\s*:\s*)(null|"[^"]*")')


def _skipped(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return position if match is None else match.end()


def _bytes(part: bytes | FileSlice) -> bytes:
    if isinstance(part, bytes):
        return part
    with part.path.open("rb") as file:
        file.seek(part.offset)
        return file.read(part.length)
