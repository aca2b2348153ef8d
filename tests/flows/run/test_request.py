from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.run.request import RunContext, RunRequest, accounts_to_read
from flows.settings.settings import Settings
from transforms.errors import ConfigError


def context_with(account_sid: str, data_dir: Path) -> RunContext:
    settings = Settings(
        base_url="https://example.signalwire.com", account_sid=account_sid, account_name="support",
        api_token=SecretStr("t" * 20), data_dir=data_dir,
    )  # fmt: skip
    return RunContext(settings)


def test_account_spelled_otherwise_in_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw" / "account_sid=ABC-1").mkdir(parents=True)
    said = f"The account_sid of support, abc-1, is ABC-1 in {tmp_path}. Write it in the same way."
    with pytest.raises(ConfigError) as refused:
        accounts_to_read(context_with("abc-1", tmp_path), RunRequest())
    assert str(refused.value) == said
    for sid in ("ABC-1", "abc-2"):
        (found,) = accounts_to_read(context_with(sid, tmp_path), RunRequest())
        assert found.account_sid == sid


def test_accounts_are_not_needed_without_the_api(tmp_path: Path) -> None:
    context = replace(context_with("abc-1", tmp_path), settings=Settings(data_dir=tmp_path))
    assert accounts_to_read(context, RunRequest("model")) == []
