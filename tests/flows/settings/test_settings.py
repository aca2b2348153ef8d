import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.settings.config_file import config_path
from flows.settings.loading import load
from flows.settings.settings import Settings
from flows.stores import shipped as shipped_module
from flows.stores.shipped import shipped
from transforms.errors import ConfigError

pytestmark = pytest.mark.usefixtures("no_settings")

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SECRET_FILE = Path("recspend.toml")


def write(text: str, path: Path = SECRET_FILE) -> None:
    path.write_text(text, encoding="utf-8")


def refused(**given: object) -> str:
    """Return the error message for invalid settings."""
    with pytest.raises(ConfigError) as raised:
        load(**given)
    return str(raised.value)


ENVIRONMENT = {
    "DATA_DIR": ("elsewhere", Path("elsewhere")),
    "LAKE_URL": ("s3://bucket/prefix", "s3://bucket/prefix"),
    "BASE_URL": ("https://example.signalwire.com", "https://example.signalwire.com"),
    "ACCOUNT_SID": ("A1", "A1"),
    "ACCOUNT_NAME": ("support", "support"),
    "API_TOKEN": (TOKEN, SecretStr(TOKEN)),
    "TOKEN_FILE": ("/run/secrets/token", Path("/run/secrets/token")),
    "TOKEN_BLOCK": ("support-token", "support-token"),
    "API_USER": ("SKkey", "SKkey"),
    "PROVIDER": ("twilio", "twilio"),
    "CREDITS": ("net", "net"),
    "BILLING_INCREMENT_SECONDS": ("6", 6),
    "REPORTING_TIMEZONE": ("Europe/Berlin", "Europe/Berlin"),
    "EMBED_RECORDINGS": ("false", False),
    "UNPRICED_SHARE_WARNING": ("0.25", Decimal("0.25")),
    "REJECTED_SHARE_FAILURE": ("0.75", Decimal("0.75")),
    "SHORT_RECORDING_SECONDS": ("7", 7),
    "ACCRUAL_RATE_DAYS": ("7", 7),
    "REPORT_PAGE": ("false", False),
    "LOOKBACK_DAYS": ("99", 99),
    "SETTLE_DAYS": ("9", 9),
    "SETTLE_EACH_RUN_DAYS": ("5", 5),
    "SETTLE_DAILY_DAYS": ("21", 21),
    "AUDIT_REQUESTS": ("4", 4),
    "AUDIT_WARNING_DAYS": ("50", 50),
    "USAGE_RECORDS": ("false", False),
    "BILL_TOLERANCE_AMOUNT": ("0.05", Decimal("0.05")),
    "BILL_TOLERANCE_SHARE": ("0.001", Decimal("0.001")),
    "BILL_TOLERANCE_MINUTES": ("2.5", Decimal("2.5")),
    "BILL_TOLERANCE_RECORDINGS": ("3", 3),
    "ANOMALY_WINDOW_DAYS": ("28", 28),
    "ANOMALY_DEVIATIONS": ("3.5", Decimal("3.5")),
    "ANOMALY_MIN_SHARE": ("0.5", Decimal("0.5")),
    "MEMORY_LIMIT_MB": ("1024", 1024),
    "WORKERS": ("2", 2),
    "READABLE_BY": ("group", "group"),
    "PACK_AFTER_DAYS": ("30", 30),
    "RAW_KEEP": ("90 days", "90 days"),
    "METRICS_FILE": ("/srv/recspend.prom", Path("/srv/recspend.prom")),
    "ACCOUNTS_AT_ONCE": ("5", 5),
    "CONCURRENCY": ("3", 3),
    "CONNECT_TIMEOUT": ("1.5", 1.5),
    "READ_TIMEOUT": ("2", 2.0),
    "PAGE_TIMEOUT": ("30", 30.0),
    "MAX_PAGES_PER_WINDOW": ("100", 100),
    "ATTEMPTS": ("3", 3),
    "BACKOFF": ("0", 0.0),
}


def test_defaults_apply_without_any_setting() -> None:
    found = load()
    assert found.data_dir == Path("data")
    assert (found.provider, found.reporting_timezone, found.embed_recordings) == ("signalwire", "UTC", "auto")
    assert (found.base_url, found.account_sid, found.api_token, found.accounts) == (None, None, None, [])
    assert (found.connect_timeout, found.read_timeout, found.attempts, found.backoff) == (10, 60, 7, 0.5)
    assert found.unpriced_share_warning == Decimal("0.1")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_every_setting_can_be_in_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = ENVIRONMENT[name]
    assert getattr(load(), name.lower()) != value
    monkeypatch.setenv(f"RECSPEND_{name}", text)
    assert getattr(load(), name.lower()) == value


def test_environment_test_covers_every_setting_but_lists() -> None:
    assert {name.lower() for name in ENVIRONMENT} == {*Settings.model_fields} - {"accounts", "notify"}


@pytest.mark.parametrize("name", sorted(ENVIRONMENT.keys() - {"API_TOKEN"}))
def test_every_setting_but_the_token_can_be_in_the_file(name: str) -> None:
    text, value = ENVIRONMENT[name]
    is_plain = isinstance(value, bool | int | float)
    write(f"{name.lower()} = {text}" if is_plain else f'{name.lower()} = "{text}"')
    assert getattr(load(), name.lower()) == value


def test_command_line_overrides_environment_overrides_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('data_dir = "of-file"\nattempts = 2\nprovider = "twilio"')
    assert load().data_dir == Path("of-file")
    monkeypatch.setenv("RECSPEND_DATA_DIR", "of-environment")
    monkeypatch.setenv("RECSPEND_ATTEMPTS", "3")
    assert load().data_dir == Path("of-environment")
    found = load(data_dir=Path("given"), attempts=None)
    assert (found.data_dir, found.attempts, found.provider) == (Path("given"), 3, "twilio")


def test_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    write('reporting_timezone = "Europe/Berlin"')
    for name in ("DATA_DIR", "ACCOUNT_SID", "REPORTING_TIMEZONE", "ATTEMPTS", "CONFIG"):
        monkeypatch.setenv(f"RECSPEND_{name}", "")
    found = load()
    assert (found.data_dir, found.account_sid, found.attempts) == (Path("data"), None, 7)
    assert found.reporting_timezone == "Europe/Berlin"


def test_recspend_config_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write('data_dir = "of-the-usual-file"')
    other = tmp_path / "other.toml"
    write('data_dir = "of-the-other-file"', other)
    assert config_path() == Path("recspend.toml")
    monkeypatch.setenv("RECSPEND_CONFIG", str(other))
    assert config_path() == other
    assert load().data_dir == Path("of-the-other-file")


def test_missing_recspend_config_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_CONFIG", "nowhere.toml")
    assert (
        refused()
        == "RECSPEND_CONFIG is nowhere.toml, which does not exist. Create the file or unset the variable."
    )


def test_recspend_config_that_is_a_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSPEND_CONFIG", str(tmp_path))
    assert refused().startswith(f"{tmp_path} cannot be read")


def test_file_can_hold_several_accounts() -> None:
    write(
        """
        [[accounts]]
        name = "support"
        base_url = "https://one.signalwire.com"
        account_sid = "A1"
        token_env = "SUPPORT_TOKEN"

        [[accounts]]
        name = "sales"
        base_url = "https://api.twilio.com"
        account_sid = "AC2"
        token_env = "SALES_TOKEN"
        api_user = "SK2"
        provider = "twilio"
        """
    )
    support, sales = load().accounts
    assert (support.name, support.account_sid, support.token_env) == ("support", "A1", "SUPPORT_TOKEN")
    assert (support.api_user, support.provider, sales.api_user, sales.provider) == (
        None,
        "signalwire",
        "SK2",
        "twilio",
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'api_token = "{TOKEN}"', "top level"),
        (f'[[accounts]]\nname = "a"\napi_token = "{TOKEN}"', "accounts entry 1"),
        (f'[[accounts]]\nname = "a"\n[[accounts]]\nname = "b"\napi_token = "{TOKEN}"', "accounts entry 2"),
    ],
)
def test_token_in_the_file_is_refused_and_not_shown(text: str, where: str) -> None:
    write(text)
    assert refused() == (
        f"recspend.toml contains an api_token ({where}). Keep it in a variable instead (RECSPEND_API_TOKEN, or the "
        "one that token_env names), a file (token_file) or a Prefect Secret block (token_block)."
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('datadir = "x"', ["datadir"]),
        ('API_TOKEN = "{token}"', ["API_TOKEN"]),
        ('token = "{token}"\nfoo = 1', ["token", "foo"]),
        ('[tool]\nx = "{token}"', ["tool"]),
        ('[[accounts]]\ntoken = "{token}"', ["accounts.0.token", "accounts.0.name", "accounts.0.base_url"]),
        ('accounts = "{token}"', ["accounts"]),
        ('accounts = ["{token}"]', ["accounts.0"]),
        ('[accounts]\napi_token = "{token}"', ["accounts"]),
        ('provider = "{token}"', ["provider"]),
        ('reporting_timezone = "{token}"', ["reporting_timezone"]),
        ('attempts = "{token}"', ["attempts"]),
        ('data_dir = ["{token}"]', ["data_dir"]),
    ],
)
def test_invalid_file_settings_are_named_without_their_value(text: str, names: list[str]) -> None:
    write(text.replace("{token}", TOKEN))
    said = refused()
    assert said.startswith("Invalid settings: ")
    assert said.endswith("Check the RECSPEND_… variables and recspend.toml.")
    for name in names:
        assert f"{name}: " in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PROVIDER", "plivo"),
        ("CREDITS", "gross"),
        ("BILLING_INCREMENT_SECONDS", "0"),
        ("BILLING_INCREMENT_SECONDS", "3601"),
        ("BILLING_INCREMENT_SECONDS", "1.5"),
        ("REPORTING_TIMEZONE", "Mars/Olympus"),
        ("REPORTING_TIMEZONE", "../../etc/passwd"),
        ("REPORTING_TIMEZONE", "utc'; drop"),
        ("ATTEMPTS", "0"),
        ("ATTEMPTS", "51"),
        ("ATTEMPTS", "two"),
        ("BACKOFF", "-1"),
        ("READ_TIMEOUT", "0"),
        ("CONNECT_TIMEOUT", "-3"),
        ("UNPRICED_SHARE_WARNING", "1.5"),
        ("UNPRICED_SHARE_WARNING", "NaN"),
        ("BILL_TOLERANCE_AMOUNT", "-0.01"),
        ("BILL_TOLERANCE_SHARE", "1.5"),
        ("USAGE_RECORDS", "perhaps"),
        ("ANOMALY_WINDOW_DAYS", "27"),
        ("ANOMALY_DEVIATIONS", "0"),
        ("ANOMALY_MIN_SHARE", "1.5"),
        ("EMBED_RECORDINGS", "perhaps"),
        ("ACCOUNTS", "perhaps"),
        ("ACCOUNTS", '{"name": "perhaps"}'),
    ],
)
def test_invalid_variable_is_named_without_its_value(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"RECSPEND_{name}", text)
    said = refused()
    assert said.startswith("Invalid settings: ")
    assert name in said.upper()
    assert text not in said.replace("greater than or equal to 0", "").replace("greater than 0", "")


def test_all_invalid_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_ATTEMPTS", "many")
    write('provider = "plivo"\nunknown = 1')
    said = refused(backoff=-1)
    assert [name for name in ("attempts", "provider", "unknown", "backoff") if f"{name}: " not in said] == []


@pytest.mark.parametrize("content", [b"data_dir = ", b"= 1", b"[[accounts]", b"\xff\xfe", b"a = 1\na = 2"])
def test_invalid_toml_is_an_error_that_names_the_file(content: bytes) -> None:
    Path("recspend.toml").write_bytes(content)
    said = refused()
    assert said.startswith("recspend.toml is not valid TOML: ")
    assert said.endswith("Fix that line.")


def test_token_in_invalid_toml_is_not_shown() -> None:
    for line in (f"api_token = {TOKEN}", f'api_token = "{TOKEN}', f"{TOKEN}", f"x = '{TOKEN}' '"):
        write(line)
        said = refused()
        assert "is not valid TOML" in said
        assert TOKEN not in said


def test_token_is_shown_as_asterisks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_API_TOKEN", TOKEN)
    found = load()
    assert found.api_token is not None
    assert found.api_token.get_secret_value() == TOKEN
    shown = [
        repr(found),
        str(found),
        f"{found}",
        repr(found.model_dump()),
        found.model_dump_json(),
        repr(found.api_token),
    ]
    assert [text for text in shown if TOKEN in text] == []
    assert all("*" in text for text in shown)


def test_error_next_to_a_token_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_API_TOKEN", TOKEN)
    monkeypatch.setenv("RECSPEND_ATTEMPTS", "many")
    assert TOKEN not in refused()


def test_shipped_files_are_found_in_a_checkout() -> None:
    assert (shipped("sql", "checks") / "sums" / "lake_equals_fact.sql").is_file()
    assert (shipped("sql") / "marts").is_dir()
    assert (shipped("reference") / "account_names.csv").is_file()
    assert shipped("reference", "account_names.csv") == shipped("reference") / "account_names.csv"


def test_shipped_files_are_found_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "flows"
    (package / "_shipped" / "sql").mkdir(parents=True)
    monkeypatch.setattr(shipped_module, "__file__", str(package / "settings" / "shipped.py"))
    assert shipped("sql", "checks") == package / "_shipped" / "sql" / "checks"
    assert shipped("reference") == package / "_shipped" / "reference"


def test_settings_load_no_library_of_a_stage() -> None:
    heavy = ("pyarrow", "duckdb", "requests", "urllib3", "email_validator", "prefect", "apprise")
    script = f"import sys; import flows.settings.settings; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "given", ["ftp://bucket", "bucket", "s3://key:secret@bucket", "s3://bucket?token=secret"]
)
def test_bucket_address_has_a_known_scheme_and_no_key(given: str) -> None:
    message = refused(lake_url=given)
    assert "s3://" in message
    assert "secret" not in message
