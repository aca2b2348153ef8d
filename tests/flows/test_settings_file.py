"""The settings file that is written, read back by the loader that reads it for a run."""

import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from flows.accounts import accesses
from flows.settings import AccountSettings, Settings, load
from flows.settings_file import settings_text

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
FILE = Path("recspend.toml")
ODD = 'say "hi"\n[[accounts]]\n# ☎️ \\u0041 \x7f\x00 [x]'


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("RECSPEND_"):
            monkeypatch.delenv(name)


def opened(text: str) -> str:
    """The text with every comment opened that holds a setting."""
    return re.sub(r"^#(?=[^ \n])", "", text, flags=re.MULTILINE)


def test_what_is_written_changes_no_default() -> None:
    FILE.write_text(settings_text(load()), encoding="utf-8")
    assert load() == Settings.model_construct()
    assert load().model_fields_set == set()


def test_with_every_comment_opened_the_defaults_still_hold_and_every_setting_is_there() -> None:
    defaults = load()
    text = opened(settings_text(defaults))
    FILE.write_text(text, encoding="utf-8")
    found = load()
    for name, field in Settings.model_fields.items():
        if name != "api_token":
            assert re.search(rf"^(\[\[)?{name}(\]\]| = )", text, re.MULTILINE), name
            assert name in found.model_fields_set
            if getattr(defaults, name) not in (None, []):
                assert getattr(found, name) == getattr(defaults, name), name
            elif name != "accounts":
                assert getattr(found, name) == field.examples[0] if field.examples else None
    (example,) = found.accounts
    assert example.model_fields_set == set(AccountSettings.model_fields)
    assert "api_token" not in text


@pytest.mark.parametrize("model", [Settings, AccountSettings])
def test_every_setting_has_words_and_a_default_or_an_example(model: type[BaseModel]) -> None:
    text = settings_text(load())
    for name, field in model.model_fields.items():
        assert field.description, name
        assert (
            field.get_default(call_default_factory=True) is not None or field.examples or name == "api_token"
        )
        if name != "api_token":
            assert re.search(rf"^# .+\n#(\[\[)?{name}(\]\]| = )", text, re.MULTILINE), name
    assert "…" not in text


def test_limits_and_choices_are_told() -> None:
    text = settings_text(load())
    assert "# whose API it is (signalwire or twilio)\n#provider" in text
    assert "# how often a failing request is sent in all (1 to 50)\n#attempts = 7" in text
    assert "a bill may differ by so much, in its currency (0 or more, below 1000000000)" in text
    assert "seconds to wait for a connection (above 0)" in text


def test_what_is_set_comes_back_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_ANOMALY_DEVIATIONS", "3.00000000000000000001")
    given = load(
        account_name=ODD,
        data_dir=Path("a folder") / 'with "quotes"',
        reporting_timezone="Europe/Berlin",
        embed_recordings=False,
        bill_tolerance_share=Decimal("0.1"),
        backoff=1e-7,
        api_token=SecretStr(TOKEN),
    )
    text = settings_text(given)
    monkeypatch.delenv("RECSPEND_ANOMALY_DEVIATIONS")
    FILE.write_text(text, encoding="utf-8")
    found = load()
    assert TOKEN not in text
    assert found.anomaly_deviations == Decimal("3.00000000000000000001")
    assert found.model_dump() == given.model_dump() | {"api_token": None}
    assert settings_text(found) == text


def test_entries_come_back_and_those_left_out_do_once_they_are_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def entry(name: str, sid: str, **more: str) -> AccountSettings:
        place = {"base_url": "https://example.signalwire.com", "account_sid": sid, "token_env": "A_TOKEN"}
        return AccountSettings(name=name, **place, **more)

    entries = [entry(ODD, "A1"), entry("b", "A2", provider="twilio", api_user="SK2")]
    closed = entry("c", "A3")
    settings = Settings.model_construct(accounts=entries)
    text = settings_text(settings, [(closed, "c is closed and is not read:")])
    FILE.write_text(text, encoding="utf-8")
    assert load().accounts == entries
    monkeypatch.setenv("A_TOKEN", TOKEN)
    assert [(access.name, access.user) for access in accesses(load())] == [(ODD, "A1"), ("b", "SK2")]

    FILE.write_text(opened(text), encoding="utf-8")
    assert load().accounts[1:] == [*entries, closed]
