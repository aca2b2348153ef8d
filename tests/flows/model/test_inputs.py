"""The tables that models read in addition to the lake."""

from pathlib import Path

import pytest

from flows.model.inputs import landed_tables
from flows.settings.accounts import account_names
from flows.settings.groups import model_options
from flows.settings.settings import Settings
from flows.stores.shipped import shipped


@pytest.mark.parametrize(
    ("account_name", "in_file", "name"),
    [
        (None, "support", "support"),
        ("sales", "support", "sales"),
        (None, None, "AC1"),
        ("sales", None, "sales"),
    ],
)
def test_account_name_is_from_the_settings_or_the_file(
    account_name: str | None, in_file: str | None, name: str, tmp_path: Path
) -> None:
    """The account of the environment may have no name there."""
    if in_file:
        (tmp_path / "reference").mkdir()
        (tmp_path / "reference" / "account_names.csv").write_text(
            f"account_sid,account_name\nAC1,{in_file}\n"
        )
    settings = Settings(data_dir=tmp_path, account_sid="AC1", account_name=account_name)
    options = model_options(settings, account_names(settings))
    (row,) = landed_tables(tmp_path, shipped("reference"), options, [])["landed.accounts"].to_pylist()
    assert (row["account_sid"], row["account_name"]) == ("AC1", name)
