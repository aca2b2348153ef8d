"""An S3 server on a free port of this machine, from moto, with faults between it and its clients."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Literal
from unittest.mock import patch
from urllib.request import Request, urlopen

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Answer = Literal["as asked", "unavailable", "conflict", "refused", "lost", "slow"]
"""What happens to a request: 503 before anything is done, 409 or 412 instead of it, it is done and the answer is lost
(500), or it takes a moment longer."""

_SLOW_SECONDS = 0.05


@dataclass(slots=True)
class BucketServer:
    """A server in progress. url: of its bucket. requests: method and path of those it got.

    fault: what to do with a request, by its method and path. ignored: a header that it pays no attention to.
    """

    url: str
    variables: dict[str, str]
    fault: Callable[[str, str], Answer] = lambda method, path: "as asked"
    requests: list[tuple[str, str]] = field(default_factory=list)
    ignored: str = ""


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    """Serve an empty bucket for the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = DomainDispatcherApplication(create_backend_app)
    name = f"recspend-{secrets.token_hex(8)}"  # all servers of a process have the same buckets
    served = BucketServer(f"s3://{name}/prefix", {})

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        served.requests.append((method, path))
        environ.pop(f"HTTP_{served.ignored.upper().replace('-', '_')}", None)
        match served.fault(method, path):
            case "unavailable":
                start_response("503 Slow Down", [("Content-Length", "0")])
                return [b""]
            case "conflict":
                start_response("409 Conflict", [("Content-Length", "0")])
                return [b""]
            case "refused":
                start_response("412 Precondition Failed", [("Content-Length", "0")])
                return [b""]
            case "lost":
                for _ in moto(environ, lambda *given: None):
                    pass
                start_response("500 Internal Server Error", [("Content-Length", "0")])
                return [b""]
            case answer:
                time.sleep(_SLOW_SECONDS if answer == "slow" else 0)
                found: Iterable[bytes] = moto(environ, start_response)
                return found

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with urlopen(Request(f"{url}/{name}", method="PUT")):
            pass
        served.variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key-of-a-test",
            "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
            "AWS_REGION": "us-east-1",
        }
        yield served
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def bucket_in_reach() -> Iterator[BucketServer]:
    """Serve an empty bucket for the block, and have this process reach it."""
    with bucket_server() as served, patch.dict(os.environ, served.variables):
        yield served
