"""Follow the pages of a list, and refuse cursors that must not be followed."""

from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from transforms.errors import CursorError
from transforms.ingest.endless import ListLength
from transforms.pages.records import Envelope

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Pager:
    """The position in a list of pages: `url` is the page to request next, None after the last.

    A repeated cursor is an error, and so is an endless list of new ones: pagination always ends. A cursor on another
    host is an error, too.
    """

    def __init__(self, first_url: str, length: ListLength | None = None) -> None:
        self.url: str | None = first_url
        self._length = length or ListLength()
        self._origin = _origin(first_url)
        self._seen = {first_url}

    def follow(self, size: int, page: Envelope) -> None:
        """Move to the page that a page names, whose body has `size` bytes.

        Raises:
            CursorError: The URI must not be followed; the position is unchanged.
            EndlessListError: The list is longer than any real one; the position is unchanged.
        """
        if page.next_page_uri is not None:
            self._length.count(size, page.ends)
        self.advance(page.next_page_uri)

    def advance(self, next_page_uri: str | None) -> None:
        """Move to the page that `next_page_uri` names.

        Raises:
            CursorError: The URI must not be followed; the position is unchanged.
        """
        if next_page_uri is None:
            self.url = None
            return
        url = _joined(self.url or "", next_page_uri)
        if url is None or _origin(url) != self._origin:
            raise CursorError(
                "The API's next_page_uri leads to another host and is not followed. Check the base URL; "
                "if it is right, report this to the vendor."
            )
        if url in self._seen:
            raise CursorError(
                "The API's next_page_uri names a page that was already fetched, so pagination would never end. "
                "Run again later; what has landed is kept.",
                retryable=True,
            )
        self._seen.add(url)
        self.url = url


def _joined(url: str, uri: str) -> str | None:
    try:
        # A backslash is not allowed in a URI: some parsers take what follows for a host, others for a path.
        return None if "\\" in uri else urljoin(url, uri)
    except ValueError:  # not a URI
        return None


def _origin(url: str) -> tuple[str | None, str | None, str | None, int | None]:
    # The parser that the HTTP client uses to connect, so that both see the same host.
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None, None, None, None
    # Comparing the user info as well refuses URLs with a user and password: URLs are stored in the manifest.
    return parts.scheme, parts.auth, parts.host, parts.port or _DEFAULT_PORTS.get(parts.scheme or "")
