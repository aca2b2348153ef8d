import os
from pathlib import Path

import pytest

from flows.settings.loading import load, load_to_read

TOKENS = {
    "RECSPEND_API_TOKEN": "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "SALES_TOKEN": "PT1f1e2d3c4b5a69788796a5b4c3d2e1f1",
    "TEAMS_URL": "https://example.com/hook/2f1e2d3c4b5a6978",
}


@pytest.mark.usefixtures("no_settings")
def test_reading_commands_forget_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("recspend.toml").write_text(
        """
        base_url = "https://example.signalwire.com"
        account_sid = "AC3c0c2e00004000800000000000000001"
        [[accounts]]
        name = "sales"
        base_url = "https://example.signalwire.com"
        account_sid = "AC3c0c2e00004000800000000000000002"
        token_env = "SALES_TOKEN"
        [[notify]]
        kind = "webhook"
        url_env = "TEAMS_URL"
        """
    )
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UNRELATED", "stays")
    assert load().api_token is not None
    assert os.environ.keys() >= TOKENS.keys()
    settings = load_to_read()
    assert settings.api_token is None
    assert os.environ.keys() & TOKENS.keys() == set()
    assert os.environ["UNRELATED"] == "stays"
    assert [account.token_env for account in settings.accounts] == ["SALES_TOKEN"]
