"""The generated settings file, read back by the loader that a run uses."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from flows.settings.account_settings import AccountSettings
from flows.settings.accounts import accesses
from flows.settings.loading import load
from flows.settings.settings import Settings
from flows.settings.settings_file import settings_text

pytestmark = pytest.mark.usefixtures("no_settings")

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
FILE = Path("recspend.toml")
ODD = 'say "hi"\n[[accounts]]\n# ☎️ \\u0041 \x7f\x00 [x]'


def opened(text: str) -> str:
    """Return the text with every commented-out setting uncommented."""
    return re.sub(r"^#(?=[^ \n])", "", text, flags=re.MULTILINE)


def test_settings_text_changes_no_default() -> None:
    FILE.write_text(settings_text(load()), encoding="utf-8")
    assert load() == Settings.model_construct()
    assert load().model_fields_set == set()


def test_settings_text_uncommented_sets_every_default() -> None:
    defaults = load()
    text = opened(settings_text(defaults))
    FILE.write_text(text, encoding="utf-8")
    found = load()
    for name, field in Settings.model_fields.items():
        if field.default is None and not field.examples:
            assert name not in found.model_fields_set
        else:
            assert re.search(rf"^(\[\[)?{name}(\]\]| = )", text, re.MULTILINE), name
            assert name in found.model_fields_set
            if getattr(defaults, name) not in (None, []):
                assert getattr(found, name) == getattr(defaults, name), name
            elif field.examples:
                assert getattr(found, name) == field.examples[0]
    (example,) = found.accounts
    assert example.model_fields_set >= {"name", "base_url", "account_sid", "provider"}
    assert "api_token" not in text


@pytest.mark.parametrize("model", [Settings, AccountSettings])
def test_every_setting_has_a_description(model: type[BaseModel]) -> None:
    text = settings_text(load())
    for name, field in model.model_fields.items():
        assert field.description, name
        if name != "api_token":
            form = rf"^# .+\n#(\[\[)?{name}(\]\]| = )|^# {name}: .+"
            assert re.search(form, text, re.MULTILINE), name


def test_table_of_several_kinds_has_an_example_of_each() -> None:
    class Bell(BaseModel):
        kind: Literal["bell"]
        sound: str | None = Field(default=None, description="what it sounds like")
        secret: SecretStr | None = None

    class Letter(BaseModel):
        kind: Literal["letter"]
        sender: str = Field(alias="from", description="who writes", examples=["me"])

    class Person(BaseModel):
        kind: Literal["person"]
        where: str

    class More(Settings):
        people: list[Annotated[Bell | Letter | Person, Field(discriminator="kind")]] = Field(
            default_factory=list, description="who is notified"
        )

    text = settings_text(
        More.model_validate({"people": [{"kind": "letter", "from": "x"}, {"kind": "bell", "secret": TOKEN}]})
    )
    assert TOKEN not in text
    assert (
        """
# who is notified
#[[people]]
# (bell)
#kind = "bell"
# sound: what it sounds like

#[[people]]
# (letter)
#kind = "letter"
# who writes
#from = "me"

# [[people]] can have: kind, where

[[people]]
kind = "letter"
from = "x"

[[people]]
kind = "bell"
"""
        in text
    )


def test_limits_and_choices_are_shown() -> None:
    text = settings_text(load())
    assert "# the provider whose API is used (signalwire or twilio)\n#provider" in text
    assert "# how often a failing request is sent in total (1 to 50)\n#attempts = 7" in text
    assert "how far a bill may differ, in its currency (0 or more, less than 1000000000)" in text
    assert "seconds to wait for a connection (more than 0)" in text


def test_settings_text_round_trips_odd_values(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_entries_round_trip_also_once_uncommented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def entry(name: str, sid: str, **more: str) -> AccountSettings:
        place = {"base_url": "https://example.signalwire.com", "account_sid": sid, "token_env": "A_TOKEN"}
        return AccountSettings.model_validate({"name": name, **place, **more})

    entries = [
        entry(ODD, "A1"),
        entry("b", "A2", provider="twilio", base_url="https://api.twilio.com", api_user="SK2"),
    ]
    closed = entry("c", "A3")
    settings = Settings.model_construct(accounts=entries)
    text = settings_text(settings, [(closed, "c is closed and is not read:")])
    FILE.write_text(text, encoding="utf-8")
    assert load().accounts == entries
    monkeypatch.setenv("A_TOKEN", TOKEN)
    assert [(access.name, access.user) for access in accesses(load())] == [(ODD, "A1"), ("b", "SK2")]

    FILE.write_text(opened(text), encoding="utf-8")
    assert load().accounts[1:] == [*entries, closed]
