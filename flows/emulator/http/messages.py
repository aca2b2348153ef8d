"""Requests, responses and the function that answers: the interface between the server, the ledgers and the faults."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from flows.emulator.http.queries import DEFAULT_DIALECT, EmulatedDialect
from flows.emulator.ledger.ledger import Account
from flows.emulator.ledger.totals import TotalsObject

# Both roots are documented, and clients use both; the list is served with and without ".json" (documented).
_ROUTE = re.compile(
    r"(?P<root>(?:/api/laml)?/2010-04-01)/Accounts(?:/(?P<account_sid>[^/]+?)"
    r"(?P<recordings>(?:/(?:Calls|Conferences)/[^/]+(?=/Recordings/[^/]))?/Recordings(?:/(?P<recording_sid>[^/]+?))?)?)?"
    r"(?:\.json)?"
)
# Twilio only: no such list was found for SignalWire.
_USAGE = re.compile(r"(?P<root>/2010-04-01)/Accounts/(?P<account_sid>[^/]+)/Usage/Records/Daily(?:\.json)?")
TWILIO_ROOT = "/2010-04-01"
"""Twilio's root; SignalWire answers there too."""

Resource = Literal["accounts", "account", "recordings", "recording", "usage"]


@dataclass(frozen=True, slots=True)
class Route:
    """The resource that a path names."""

    root: str
    resource: Resource
    account_sid: str
    recording_sid: str


def route_of(path: str) -> Route | None:
    """Return the resource that a path names, None if the API has no such resource."""
    usage = _USAGE.fullmatch(unquote(path))
    if usage is not None:
        return Route(usage["root"], "usage", usage["account_sid"], "")
    match = _ROUTE.fullmatch(unquote(path))
    if match is None:
        return None
    resource: Resource
    if match["recording_sid"]:
        resource = "recording"
    elif match["recordings"]:
        resource = "recordings"
    else:
        resource = "account" if match["account_sid"] else "accounts"
    return Route(match["root"], resource, match["account_sid"] or "", match["recording_sid"] or "")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. `target` is the path and query exactly as received, `dialect` how the server interprets them.

    `by_client` is false for a request that a fault makes for itself; other faults don't affect it. `defects` names
    the errors to put into Usage Records and the oddities to put into the account list.
    """

    target: str
    authorization: str = ""
    dialect: EmulatedDialect = DEFAULT_DIALECT
    by_client: bool = True
    defects: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path, percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters, decoded. The last one of a name wins. An operator is part of the name: `DateCreated>`."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def route(self) -> Route | None:
        """The requested resource."""
        return route_of(self.path)

    @property
    def is_list(self) -> bool:
        """Whether the request is for a page of a recordings list."""
        return self.route is not None and self.route.resource == "recordings"

    @property
    def is_page(self) -> bool:
        """Whether a client requests a page of a recordings list. Faults of pages affect only these requests."""
        return self.by_client and self.is_list

    @property
    def is_read(self) -> bool:
        """Whether a client requests recordings: a page of them, or one. Faults and latency affect only this."""
        is_single = self.route is not None and self.route.resource == "recording"
        return self.is_page or (self.by_client and is_single)

    @property
    def is_usage(self) -> bool:
        """Whether the request is for Usage Records."""
        return self.route is not None and self.route.resource == "usage"

    def asking(self, **changes: str) -> "HttpRequest":
        """Return the same request with other parameters."""
        return replace(self, target=f"{self.path}?{urlencode({**self.query, **changes})}")

    def credentials(self) -> tuple[str, str] | None:
        """Return user and password of HTTP Basic authentication, None if they are missing or malformed."""
        scheme, _, value = self.authorization.partition(" ")
        try:
            user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if scheme.lower() == "basic" and colon else None


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Bytes of a file that are sent to the client without being read into this process."""

    path: Path
    offset: int
    length: int

    def __len__(self) -> int:
        return self.length


@dataclass(frozen=True, slots=True)
class Response:
    """A response. `breaks` says whether the connection breaks before the response or in the middle of its body.

    Sending pauses for `pause_seconds` in the middle of the body. `trickles` names the part of which a byte is sent each
    second.
    """

    status: int
    body: tuple[bytes | FileSlice, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    breaks: Literal["", "before", "within"] = ""
    pause_seconds: float = 0
    trickles: Literal["", "head", "body"] = ""

    @property
    def length(self) -> int:
        """The size of the whole body in bytes."""
        return sum(len(part) for part in self.body)


Answer = Callable[[HttpRequest], Response]


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a server can serve and that knows its own totals."""

    accounts: Sequence[Account]
    totals: Callable[[], TotalsObject]
    answer: Answer


def json_bytes(value: object) -> bytes:
    """Serialize to compact JSON, with `&` escaped as in real responses."""
    return json.dumps(value, separators=(",", ":")).replace("&", "\\u0026").encode()


def ok(value: object) -> Response:
    """Return a response with a small JSON body."""
    return Response(200, (json_bytes(value),))


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error in the API's documented shape."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more_info, "status": status}
    return Response(status, (json_bytes(body),), headers or {})


def unauthorized() -> Response:
    """Return the error for missing or wrong credentials, or those of another account (documented: 20003)."""
    return error(401, 20003, "Authentication Error", {"WWW-Authenticate": 'Basic realm="API"'})


def not_found(path: str) -> Response:
    """Return the error for an unknown resource (documented: 20404)."""
    return error(404, 20404, f"The requested resource {path} was not found")
