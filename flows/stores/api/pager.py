"""Where to go on in a list of pages, and when not to."""

from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from transforms.errors import CursorError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Pager:
    """Where a walk stands: `url` is the page to ask next, None after the last.

    It cannot spin: a cursor that comes back is an error. It cannot be led away: so is a cursor on another host.
    """

    def __init__(self, first_url: str) -> None:
        self.url: str | None = first_url
        self._origin = _origin(first_url)
        self._asked = {first_url}

    def advance(self, next_page_uri: str | None) -> None:
        """Step on to the page that `next_page_uri` names. Raises CursorError and stays when it must not be followed."""
        if next_page_uri is None:
            self.url = None
            return
        url = _joined(self.url or "", next_page_uri)
        if url is None or _origin(url) != self._origin:
            raise CursorError(
                "The API's next_page_uri leads to another host and is not followed. Check the base URL; "
                "if it is right, tell the vendor."
            )
        if url in self._asked:
            raise CursorError(
                "The API's next_page_uri names a page that was read already, so the walk would never end. "
                "Run again later; what has landed is kept.",
                retryable=True,
            )
        self._asked.add(url)
        self.url = url


def _joined(url: str, uri: str) -> str | None:
    try:
        # A backslash has no place in a URI, and what stands behind it is a host to some and a path to others.
        return None if "\\" in uri else urljoin(url, uri)
    except ValueError:  # no URI at all
        return None


def _origin(url: str) -> tuple[str | None, str | None, str | None, int | None]:
    # The same parser as the one that will open the connection, so that both see the same host.
    try:
        parts = parse_url(url)
    except LocationParseError:
        return None, None, None, None
    # A URL is written into the manifest, where no user and no password belongs.
    return parts.scheme, parts.auth, parts.host, parts.port or _DEFAULT_PORTS.get(parts.scheme or "")
