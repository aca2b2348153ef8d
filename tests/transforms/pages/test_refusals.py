"""What the API says when it refuses a request, and what fits it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.pages.refusals import Refusal, read_refusal, why_refused

SECRET = b"c4f3c0de9a1b2c3d4e5f"
SCOPE = "the scope to read voice recordings"


def body(code: object, message: object) -> bytes:
    return json.dumps({"code": code, "message": message, "more_info": "https://…", "status": 401}).encode()


def test_documented_refusal_is_read() -> None:
    refusal = read_refusal(body(20003, "Authentication Error - invalid username"), [SECRET])
    assert refusal == Refusal(20003, "Authentication Error - invalid username")
    assert refusal.said == " The API says: Authentication Error - invalid username (code 20003)."
    assert read_refusal(body(20404, None), []).said == " The API says: code 20404."


@pytest.mark.parametrize(
    "text", [b"", b"<html>words</html>", b"[1]", b'{"code": "words"}', b'{"message": "words"}']
)
def test_other_bodies_are_not_shown(text: bytes) -> None:
    assert read_refusal(text, []) == Refusal()
    assert read_refusal(text, []).said == ""


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"Wrong token {SECRET.decode()}", ""),
        ("Authorization: Basic QUM6dG9rZW4=", ""),
        ("got Basic QUM6dG9rZW4=", ""),
        ("line one\nline \x1b[31mtwo", "line one line [31mtwo"),
        ("ask jane.doe@example.com or call +44 20 7946 0018 now", "ask … or call … now"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_message_is_one_line_without_secrets(message: str, shown: str) -> None:
    assert read_refusal(body(20003, message), [SECRET]) == Refusal(20003, shown)


@given(st.text(), st.integers(0, 99_999))
def test_secret_is_never_shown(text: str, code: int) -> None:
    for message in (text + SECRET.decode() + text, SECRET.decode()):
        assert SECRET.decode() not in read_refusal(body(code, message), [SECRET]).said


@pytest.mark.parametrize(
    ("status", "code", "provider", "words"),
    [
        (401, 20003, "twilio", "Check THE_TOKEN and the account sid; the token needs the scope"),
        (401, 20003, "twilio", "A suspended account, a key without permission and a token of another region"),
        (401, 0, "signalwire", "the API refuses the credentials (401). Check THE_TOKEN"),
        (403, 0, "signalwire", "lacks a permission: it needs the scope to read voice recordings."),
        (403, 20003, "twilio", "the API refuses the credentials (403). Check THE_TOKEN"),
        (401, 20005, "twilio", "the account is not active (401): it is suspended or closed. Reactivate it"),
        (403, 20008, "twilio", "refuses test credentials (403). Put the live account sid and token"),
    ],
)
def test_why_refused_fits_the_code(status: int, code: int, provider: str, words: str) -> None:
    assert words in why_refused(status, Refusal(code), provider, "THE_TOKEN", SCOPE)
