from base64 import b64decode

import pytest

from transforms.errors import ConfigError
from transforms.settings.credentials import secret_forms, secret_in, without_credentials

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize("text", [TOKEN, f"{TOKEN}\n", f"{TOKEN}\r\n", f" {TOKEN}\t", f"{TOKEN} \n"])
def test_secret_is_stripped_of_white_space(text: str) -> None:
    assert secret_in(text, "The file") == TOKEN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (" \t\r\n", "is empty"),
        ("\n\n", "is empty"),
        (f"{TOKEN}\n\n", "has more than one line"),
        (f"\n{TOKEN}", "has more than one line"),
        (f"{TOKEN}\nother", "has more than one line"),
        (f"{TOKEN}\rother", "has more than one line"),
        (f"{TOKEN}\u2028other", "has more than one line"),
        (f"{TOKEN}\0", "has non-printable characters"),
        (f"{TOKEN}\udcff", "has non-printable characters"),
        (f"\x1b[1m{TOKEN}", "has non-printable characters"),
    ],
)
def test_invalid_secret_is_an_error_that_hides_it(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        secret_in(text, "The file")
    said = str(raised.value)
    assert said.startswith(f"The file {words}. It must hold the token")
    assert TOKEN not in said


def test_secret_forms_are_plain_and_basic() -> None:
    plain, basic, *_ = secret_forms("AC1", TOKEN)
    assert plain.decode() == TOKEN
    assert b64decode(basic).decode() == f"AC1:{TOKEN}"


def test_secret_forms_include_those_of_urls_and_json() -> None:
    assert secret_forms("AC1", "0123456789/abcdef+")[:3] == (
        b"0123456789/abcdef+", b"0123456789%2Fabcdef%2B", b"0123456789\\/abcdef+"
    )  # fmt: skip


def test_secret_forms_ignore_short_words() -> None:
    assert secret_forms("AC1", "fifteen-letters") == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
        ("https://user:secret@prefect.example.com/api", "https://prefect.example.com/api"),
        ("https://:secret@prefect.example.com", "https://prefect.example.com"),
        ("https://secret@prefect.example.com", "https://prefect.example.com"),
        ("https://user:se@cret@prefect.example.com/a", "https://prefect.example.com/a"),
        ("https://prefect.example.com/api?key=secret", "https://prefect.example.com/api"),
        ("https://prefect.example.com?key=secret", "https://prefect.example.com"),
        ("https://prefect.example.com/api#secret", "https://prefect.example.com/api"),
        ("http://user:se/cret@127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
        ("http://user:se#cret@127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
        ("http://user:se?cret\n@127.0.0.1:4200/api", "http://127.0.0.1:4200/api"),
        ("of its own", "of its own"),
    ],
)
def test_url_is_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
