"""Each channel delivers to a real receiver and reports a failure in a sentence without secrets."""

import json
import logging
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.monitor.channels import Channel, channels
from flows.settings.loading import load
from flows.stores.channels import command as program
from flows.stores.channels import smtp as mailbox
from flows.stores.prefect.safe_path import set_safe_path
from tests.support.servers.receivers import PASSWORD, PATH, USER, hook, mail_box
from transforms.errors import ConfigError, DeliveryError, RecspendError
from transforms.monitor.findings import KINDS, Finding
from transforms.monitor.messages import TEST, Message

NOW = datetime(2026, 9, 30, 6, 17, tzinfo=UTC)
FINDING = Finding(
    "budget.exceeded", "2026-09 A1 USD", "<!channel> R&D: 5.00 USD was spent.", {"cost": "5.00"}
)
MESSAGE = Message("recspend.budget.exceeded", "A budget is exceeded", "Spend less.", [FINDING])


def channel(entry: dict[str, Any], **settings: Any) -> Channel:
    (found,) = channels(load(notify=[entry], **settings), lambda: NOW)
    return found


def refused(entry: dict[str, Any], error: type[RecspendError] = DeliveryError) -> str:
    with pytest.raises(error) as raised:
        channel(entry).send(MESSAGE)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_webhook_gets_text_for_slack_next_to_the_fields() -> None:
    with hook() as received:
        channel({"kind": "webhook", "url": received.url}).send(MESSAGE)
    ((path, body),) = received.posted
    assert path == PATH
    assert body == {
        "text": "recspend: A budget is exceeded\n&lt;!channel&gt; R&amp;D: 5.00 USD was spent.\nSpend less.",
        "event": "recspend.budget.exceeded",
        "title": "A budget is exceeded",
        "to_do": "Spend less.",
        "findings": [
            {
                "key": "budget.exceeded 2026-09 A1 USD",
                "sentence": "<!channel> R&D: 5.00 USD was spent.",
                "facts": {"cost": "5.00"},
            }
        ],
        "more": 0,
    }


def test_webhook_address_can_come_from_a_variable_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "url"
    with hook() as received:
        monkeypatch.setenv("HOOK", received.url)
        channel({"kind": "webhook", "url_env": "HOOK"}).send(TEST)
        file.write_text(f"{received.url}\n")
        file.chmod(0o600)
        channel({"kind": "webhook", "url_file": str(file)}).send(TEST)
    assert received.events == ["recspend.test", "recspend.test"]
    file.chmod(0o640)
    assert refused({"kind": "webhook", "url_file": str(file)}, ConfigError) == (
        "Channel webhook: the file that url_file names is readable by its group or by others. Restrict it to "
        "its owner (chmod 600), and rotate the address of the webhook if it may have been read."
    )
    file.write_text("")
    file.chmod(0o600)
    assert refused({"kind": "webhook", "url_file": str(file)}, ConfigError).endswith(
        "is empty. It must hold the address of the webhook."
    )
    file.unlink()
    assert f"does not exist (in {tmp_path})" in refused(
        {"kind": "webhook", "url_file": str(file)}, ConfigError
    )


def apprise_url(url: str) -> str:
    """The address of a local receiver as apprise writes it."""
    return url.replace("http://", "json://spender:s3cret@")


def test_apprise_delivers_title_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "url"
    with hook() as received:
        file.write_text(f"{apprise_url(received.url)}\n")
        file.chmod(0o600)
        monkeypatch.setenv("APPRISE_URL", apprise_url(received.url))
        channel({"kind": "apprise", "url_env": "APPRISE_URL"}).send(MESSAGE)
        channel({"kind": "apprise", "url_file": str(file)}).send(TEST)
    (path, first), (_, second) = received.posted
    assert path.rstrip("/") == PATH
    assert first["title"] == "recspend: A budget is exceeded"
    assert first["message"] == "<!channel> R&D: 5.00 USD was spent.\nSpend less."
    assert first["attachments"] == []
    assert second["title"] == "recspend: This is a test"


def test_apprise_names_its_service_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as received:
        monkeypatch.setenv("APPRISE_URL", apprise_url(received.url))
        assert channel({"kind": "apprise", "url_env": "APPRISE_URL"}).ready() == "JSON through apprise"
    assert received.posted == []


@pytest.mark.parametrize("status", [301, 307, 401, 404, 500])
def test_apprise_shows_no_address_when_a_message_is_refused(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    with hook() as elsewhere, hook() as received:
        received.status, received.headers = status, {"Location": elsewhere.url}
        monkeypatch.setenv("APPRISE_URL", apprise_url(received.url))
        said = refused({"kind": "apprise", "url_env": "APPRISE_URL"})
    assert said.startswith("JSON did not accept the message.")
    assert len(received.posted) == 1
    assert elsewhere.posted == []
    for secret in ("s3cret", PATH, "9f8e7d6c5b4a"):
        assert secret not in said + caplog.text


def test_apprise_shows_no_address_of_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    monkeypatch.setenv("APPRISE_URL", f"json://spender:s3cret@127.0.0.1:{free_port()}{PATH}")
    said = refused({"kind": "apprise", "url_env": "APPRISE_URL"})
    assert "did not accept the message" in said
    assert "s3cret" not in said + caplog.text
    assert PATH not in said + caplog.text


@pytest.mark.parametrize(
    "url", ["pigeon://s3cret", "s3cret", "slack://s3cret", "json://", "https://x/s3cret"]
)
def test_apprise_refuses_an_unknown_address_without_showing_it(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    monkeypatch.setenv("APPRISE_URL", url)
    said = refused({"kind": "apprise", "url_env": "APPRISE_URL"}, ConfigError)
    assert said.startswith("The address of the apprise channel is not one that apprise knows.")
    with pytest.raises(ConfigError):
        channel({"kind": "apprise", "url_env": "APPRISE_URL"}).ready()
    assert "s3cret" not in said + caplog.text


def test_apprise_logs_again_after_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as received:
        monkeypatch.setenv("APPRISE_URL", apprise_url(received.url))
        channel({"kind": "apprise", "url_env": "APPRISE_URL"}).send(TEST)
    assert not logging.getLogger("urllib3.connectionpool").disabled


def test_unset_variable_is_named_unless_it_may_be_the_address() -> None:
    assert refused({"kind": "webhook", "url_env": "NOT_SET_HERE"}, ConfigError) == (
        "Channel webhook: the variable NOT_SET_HERE is not set. It must hold the address of the webhook."
    )
    said = refused({"kind": "webhook", "url_env": f"https://hooks.example.com{PATH}"}, ConfigError)
    assert "the variable that url_env names" in said
    password = {"user": USER, "password_env": "hunter2_hunter2"}
    said = refused(mail(25, to=["a@example.com"], **password), ConfigError)
    assert (
        said == "Channel email: the variable that password_env names is not set. It must hold the password."
    )


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 429, 500])
def test_webhook_that_refuses_is_reported_by_status_only(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with hook() as elsewhere, hook() as received:
        received.status, received.headers = status, {"Location": elsewhere.url}
        said = refused({"kind": "webhook", "url": received.url})
    assert f"It responded with status {status}." in said
    assert len(received.posted) == 1
    assert elsewhere.posted == []
    assert PATH not in said + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.example.com{PATH}",
        f"ftp://127.0.0.1{PATH}",
        f"file://{PATH}",
        f"https://{PATH}",
        f"https://hooks.example.com{PATH}\n",
        f"http://localhost.example.com{PATH}",
        PATH,
    ],
)
def test_webhook_to_another_machine_must_use_https(url: str) -> None:
    said = refused({"kind": "webhook", "url": url})
    assert said.startswith("The address of the webhook must begin with https://")
    assert PATH not in said


def test_unreachable_webhook_is_reported_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (
        f"http://127.0.0.1:{free_port()}{PATH}",
        f"https://127.0.0.1:99999{PATH}",
        f"https://[::1{PATH}",
    ):
        said = refused({"kind": "webhook", "url": url})
        assert "It cannot be reached (" in said
        assert PATH not in said + caplog.text


def mail(port: int, **entry: Any) -> dict[str, Any]:
    return {"kind": "email", "host": "127.0.0.1", "port": port, "from": "recspend@example.com", **entry}


def test_mail_is_plain_text(tmp_path: Path) -> None:
    with mail_box(tmp_path) as box:
        channel(mail(box.port, security="none", to=["a@example.com", "b@example.com"])).send(MESSAGE)
    assert [envelope.rcpt_tos for envelope in box.taken] == [["a@example.com", "b@example.com"]]
    (found,) = box.mails
    assert (found["From"], found["To"]) == ("recspend@example.com", "a@example.com, b@example.com")
    assert found["Subject"] == "recspend: A budget is exceeded"
    assert found["Date"].datetime == NOW
    assert found["Message-ID"].endswith("@example.com>")
    assert found.get_content().rstrip().splitlines() == MESSAGE.text.splitlines()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_is_sent_encrypted_with_a_login(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    login = {"user": USER, "password_env": "MAIL_PASSWORD", "security": security, "to": ["a@example.com"]}
    with mail_box(tmp_path, security) as box:
        said = refused(mail(box.port, **login))  # its certificate is not trusted
        assert "(SSLCertVerificationError)" in said
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        channel(mail(box.port, **login)).send(MESSAGE)
        monkeypatch.setenv("MAIL_PASSWORD", "another")
        wrong = refused(mail(box.port, **login))
    assert (box.encrypted, box.logged_in, len(box.mails)) == ([True], [USER], 1)
    assert "refused the message (SMTPAuthenticationError, 535)" in wrong
    assert "another" not in wrong


def test_mail_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with mail_box(tmp_path) as box:
        said = refused(mail(box.port, to=["a@example.com"]))
    assert "(SMTPNotSupportedError)" in said
    assert box.taken == []


def test_mail_is_delivered_if_one_recipient_is_accepted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_box(tmp_path) as box:
        box.unknown = {"a@example.com"}
        assert "(SMTPRecipientsRefused)" in refused(mail(box.port, security="none", to=["a@example.com"]))
        channel(mail(box.port, security="none", to=["a@example.com", "b@example.com"])).send(MESSAGE)
    assert [envelope.rcpt_tos for envelope in box.taken] == [["b@example.com"]]
    assert "refused 1 of 2 recipients" in caplog.text


@pytest.mark.parametrize("farewell", ["250 OK", "421 Too many connections", "500 What?"])
def test_accepted_mail_is_delivered_even_if_quit_fails(farewell: str, tmp_path: Path) -> None:
    with mail_box(tmp_path) as box:
        box.farewell = farewell
        channel(mail(box.port, security="none", to=["a@example.com"])).send(MESSAGE)
        box.unknown = {"a@example.com"}
        assert "(SMTPRecipientsRefused)" in refused(mail(box.port, security="none", to=["a@example.com"]))
    assert len(box.mails) == 1


def test_mail_server_that_does_not_respond_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(mail(free_port(), security="none", to=["a@example.com"]))
    assert said.startswith("The mail server 127.0.0.1 did not accept the message (ConnectionRefusedError).")


def test_mail_port_defaults_to_the_usual_one() -> None:
    assert mailbox._PORTS == {"starttls": 587, "tls": 465, "none": 25}


READS = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"


def test_command_gets_a_line_of_json_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_API_TOKEN", "PTone")
    monkeypatch.setenv("SALES_TOKEN", "PTtwo")
    for name in ("recspend_api_token", "PREFECT_API_AUTH_STRING", "prefect_api_key", "SLACK", "PREFECT_HOME"):
        monkeypatch.setenv(name, "PTthree")
    monkeypatch.setenv("SMTP_PASSWORD", "PTfour")
    monkeypatch.setenv("PAGER", "kept")
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    set_safe_path()
    account = {
        "name": "sales",
        "base_url": "https://x.example",
        "account_sid": "A2",
        "token_env": "SALES_TOKEN",
    }
    prints = """
import json, os, sys
json.dump([sys.argv[2:], sys.stdin.readlines(), dict(os.environ)], open(sys.argv[1], "w"))
"""
    command = [sys.executable, "-c", prints, str(tmp_path / "got"), "$HOME; false"]
    others = [
        {"kind": "webhook", "url_env": "SLACK"},
        {
            **{"kind": "email", "host": "smtp.example.com", "from": "a@example.com", "to": ["b@example.com"]},
            **{"user": "a", "password_env": "SMTP_PASSWORD"},
        },
    ]
    settings = load(notify=[{"kind": "command", "command": command}, *others], accounts=[account])
    channels(settings, lambda: NOW)[0].send(MESSAGE)
    arguments, lines, environment = json.loads((tmp_path / "got").read_text())
    assert arguments == ["$HOME; false"]
    assert [json.loads(line) for line in lines] == [{"text": MESSAGE.text, **MESSAGE.as_object()}]
    assert environment["PAGER"] == "kept"
    assert "PYTHONSAFEPATH" not in environment
    assert [value for value in environment.values() if value.startswith("PT")] == []


def test_command_that_fails_is_missing_or_hangs_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prints = [sys.executable, "-c", "print('out of paper'); raise SystemExit(7)"]
    assert refused({"kind": "command", "command": prints}).startswith(
        f"The command {sys.executable} ended with exit code 7."
    )
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "out of paper\n")
    assert "cannot be started (FileNotFoundError)" in refused(
        {"kind": "command", "command": [str(tmp_path / "nothing")]}
    )
    assert "cannot be started (ValueError)" in refused({"kind": "command", "command": ["a\0b"]})
    monkeypatch.setattr(program, "_TIMEOUT_SECONDS", 0.2)
    assert "took more than" in refused({"kind": "command", "command": ["sleep", "30"]})


def test_command_need_not_read_its_input(tmp_path: Path) -> None:
    channel({"kind": "command", "command": ["true"]}).send(MESSAGE)


def test_channels_are_read_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recspend.toml").write_text(
        """
        [[notify]]
        kind = "webhook"
        url = "https://hooks.example.com/secret"
        on = ["budget.exceeded", "run.failed"]

        [[notify]]
        kind = "command"
        name = "pager"
        command = ["/usr/local/bin/page"]
        """
    )
    settings = load()
    found = channels(settings, lambda: NOW)
    assert [each.name for each in found] == ["webhook", "pager"]
    assert found[0].kinds == {"budget.exceeded", "run.failed"}
    assert found[1].kinds == set(KINDS)
    assert "secret" not in repr(settings) + settings.model_dump_json() + repr(found)


MAIL = 'kind = "email"\nhost = "x"\nfrom = "a@x"\nto = ["b@x"]\n'
WRONG = {
    "notify.0: Input tag 'pigeon' found": 'kind = "pigeon"',
    "notify.0.webhook: Value error, set exactly one of": 'kind = "webhook"',
    "set exactly one of url": 'kind = "webhook"\nurl = "https://x.example/s3cret"\nurl_env = "X"',
    "notify.0.webhook.on.0": 'kind = "webhook"\nurl = "https://x.example/s3cret"\non = ["s3cret"]',
    "notify.0.webhook.on: ": 'kind = "webhook"\nurl = "https://x.example/s3cret"\non = []',
    "notify.0.webhook.name": 'kind = "webhook"\nurl = "https://x.example/s3cret"\nname = "(s3cret)"',
    "notify.0.webhook.uri": 'kind = "webhook"\nurl_env = "X"\nuri = "https://x.example/s3cret"',
    "notify.0.apprise: Value error, set exactly one of url_env": 'kind = "apprise"',
    "set exactly one of url_env and url_file": 'kind = "apprise"\nurl_env = "X"\nurl_file = "s3cret"',
    "never put the address into this file": 'kind = "apprise"\nurl = "json://s3cret"',
    "never put a password into this file": f'{MAIL}user = "u"\npassword = "s3cret"',
    "set user together with exactly one of": f'{MAIL}user = "u"',
    "password_env and password_file, or none of them": f'{MAIL}password_env = "P"',
    "would send the password unencrypted": f'{MAIL}user = "u"\npassword_env = "P"\nsecurity = "none"',
    "notify.0.email.to: Value error, is not an e-mail address": MAIL.replace("b@x", "s3cret"),
    "notify.0.email.from: Value error, is not an e-mail": MAIL.replace("a@x", "a@x\\nBcc: s3cret"),
    "notify.0.email.from: Value error, is not an e-mail address": MAIL.replace("a@x", "s3cret@"),
    "to: Value error, is not an e-mail address": MAIL.replace("b@x", "R&D, support <s3cret@x>"),
    "notify.0.command.command": 'kind = "command"\ncommand = []',
    "two channels have the name": 'kind = "webhook"\nurl_env = "X"\n[[notify]]\nkind = "webhook"\nurl_env = "Y"',
}


@pytest.mark.parametrize(
    "address",
    [
        "@x",
        "a@",
        "a@ ",
        "a@b@c",
        "a b@x",
        "a@x.",
        "a@x;b@x",
        "mailto:a@x",
        "Team:;@",
        "a@x\x00",
        "",
        "a..b@x",
        ".a@x",
        "a@-x.example",
        "a@x..example",
        "a@x_y.example",
    ],
)
def test_invalid_mail_address_is_refused(address: str) -> None:
    assert not mailbox.is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "a@x",
        "a@[192.0.2.1]",
        '"a b"@x',
        "R&D <a@x>",
        '"R&D, support" <a@x>',
        "a@x, b@x",
        "ä@ö.example",
        "root@localhost",
        "finance@mail.internal",
        "a+b@x.local",
    ],
)
def test_mail_address_may_have_a_name_and_any_letters(address: str) -> None:
    assert mailbox.is_address(address)


@pytest.mark.parametrize("said", WRONG)
def test_invalid_channel_is_refused_without_showing_its_value(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recspend.toml").write_text(f"[[notify]]\n{WRONG[said]}\n")
    with pytest.raises(ConfigError) as raised:
        load()
    assert said in str(raised.value)
    assert "s3cret" not in str(raised.value)
