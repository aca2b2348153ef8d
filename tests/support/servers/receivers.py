"""Receivers of notifications: a local web server that keeps what is posted, and an SMTP server that keeps its mail."""

import json
import ssl
import threading
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATH = "/services/T0/B0/9f8e7d6c5b4a"
"""The path of the webhook. It is secret."""
USER, PASSWORD = "spender", "correct-horse-9f8e7d"


@dataclass
class Hook:
    """A web server: what was posted to which path, and the status it answers with."""

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        """Return the events of all posted bodies."""
        return [body["event"] for _, body in self.posted]


@contextmanager
def hook() -> Iterator[Hook]:
    """Serve a webhook for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posted.append((self.path, json.loads(body)))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Hook(f"http://127.0.0.1:{server.server_port}{PATH}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class MailBox:
    """An SMTP server: the envelopes it accepted, the logins, the unknown recipients, and its answer to QUIT."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logged_in: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    farewell: str = "221 Bye"

    @property
    def mails(self) -> list[EmailMessage]:
        """Return the accepted mails."""
        return [message_from_bytes(cast(bytes, envelope.content), policy=default) for envelope in self.taken]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, unless it is unknown."""
        if address in self.unknown:
            return "550 Nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a mail."""
        self.taken.append(envelope)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer QUIT."""
        return self.farewell

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Accept a login with the right user and password."""
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        if is_right:
            self.logged_in.append(USER)
        return AuthResult(success=is_right, handled=is_right)


class _OnFreePort(Controller):
    """A controller on any free port. Its start connects to check that it is up, so it must learn the port first."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_box(folder: Path, security: str = "none") -> Iterator[MailBox]:
    """Serve SMTP for the block. Unless `security` is `none`, it is encrypted and supports login.

    Its certificate is `certificate.pem` in the folder.
    """
    box = MailBox()
    tls = None if security == "none" else encrypting(folder)
    if security == "none":
        controller = _OnFreePort(box, "127.0.0.1", 0)
    elif security == "tls":
        # aiosmtpd treats only STARTTLS as encrypted.
        login: dict[str, Any] = {"authenticator": box.authenticate, "auth_require_tls": False}
        controller = _OnFreePort(box, "127.0.0.1", 0, ssl_context=tls, **login)
    else:
        login = {"authenticator": box.authenticate, "auth_required": True, "require_starttls": True}
        controller = _OnFreePort(box, "127.0.0.1", 0, tls_context=tls, **login)
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()


def encrypting(folder: Path) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1, `certificate.pem` in the folder, and a context that serves with it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
