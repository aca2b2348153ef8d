"""No exception of a library reaches a person, whatever is in pages, settings, reference files, queries and arguments.

`RECSPEND_FUZZ` is how many examples each test tries (`make fuzz` sets it). They are then new ones each time.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.emulator import Parameters, open_living, serve
from flows.stores.shipped import shipped
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, run_by
from tests.support.samples.transforms import ACCOUNT
from tests.whole_runs.hostile.fuzzing import assert_in_words, run_command
from transforms.errors import RecspendError
from transforms.pages.accounts import read_accounts
from transforms.pages.recordings import Page, list_recordings
from transforms.pages.refusals import read_refusal
from transforms.pages.usage import read_usage
from transforms.values.dates import parse_instant
from transforms.values.durations import duration
from transforms.values.money import is_rounded, parse_price
from transforms.values.windows import Window

EXAMPLES = int(os.environ.get("RECSPEND_FUZZ", "0"))
WINDOW = Window(date(2026, 1, 1), date(2026, 12, 31))

pytestmark = [
    pytest.mark.builds("marts.daily_spend"),
    pytest.mark.filterwarnings("ignore"),
]


def fuzz(examples: int, share: int = 1) -> settings:
    """Try this many examples, or RECSPEND_FUZZ of them, divided by `share` where each one takes long."""
    return settings(
        max_examples=max(EXAMPLES // share, 1) if EXAMPLES else examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


odd_text = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "null",
                "NaN",
                "Infinity",
                "-0",
                "1e9999",
                "1e-9999",
                "9" * 30,
                "9" * 5_000,
                "0x1f",
                "١٢",
            ),
            *("2026-02-30", "2026-09-30T24:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
            *(
                "Wed, 31 Sep 2026 25:61:61 +9999",
                "Sept 3, 2026",
                "\x00",
                "\x1b[2J",
                "\ud800",
                "[red]",
                "'; --",
            ),
            *("{}", "%s", "../../..", "-1", "--help", "=cmd()", "\u202e", "é" * 300),
        ]
    ),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    *(
        "sid",
        "account_sid",
        "call_sid",
        "conference_sid",
        "date_created",
        "date_updated",
        "start_time",
        "end_time",
    ),
    *(
        "uri",
        "source",
        "status",
        "price_unit",
        "media_url",
        "channels",
        "channel",
        "duration",
        "error_code",
        "price",
    ),
    *(
        "encryption_details",
        "track",
        "friendly_name",
        "category",
        "start_date",
        "end_date",
        "count",
        "usage",
        "as_of",
    ),
)
instants = st.datetimes(timezones=st.sampled_from([UTC])).map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"))
right = {
    "sid": st.sampled_from(["R1", "R2"]),
    "date_created": st.just("2026-09-01T00:00:00Z") | instants,
    "price": st.just("-0.0025"),
    "category": st.just("recordings"),
    "start_date": st.just("2026-09-01"),
    "end_date": st.just("2026-09-01"),
    "count": st.just("3"),
    "usage": st.just("3"),
}
records = st.fixed_dictionaries(
    {}, optional={name: right[name] | values if name in right else values for name in FIELDS}
)
pages = st.one_of(
    st.fixed_dictionaries(
        {
            name: st.lists(records | values, max_size=4)
            for name in ("recordings", "accounts", "usage_records")
        },
        optional={"next_page_uri": st.none() | odd_text, "page_size": values},
    ),
    values,
)


@given(pages, st.binary(max_size=8), st.integers(0, 400))
@fuzz(40)
def test_any_page_is_read_or_refused_in_words(found: Any, noise: bytes, at: int) -> None:
    whole = json.dumps(found).encode()
    for body in (whole, whole[:at] + noise + whole[at + 1 :]):
        page = Page("raw/x/page", body)
        for read in (
            lambda page=page: list_recordings([page], ACCOUNT, WINDOW),
            lambda page=page: read_usage([page], ACCOUNT, WINDOW),
            lambda page=page: read_accounts(page.body),
            lambda page=page: read_refusal(page.body, [b"secret"]),
        ):
            try:
                read()
            except RecspendError as error:
                assert str(error)


@given(odd_text | instants)
@fuzz(300)
def test_any_date_price_or_length_is_read_or_not(text: str) -> None:
    parse_instant(text)
    price = parse_price(text)
    if price is not None:
        is_rounded(text, price)
    try:
        duration(text)
    except RecspendError as error:
        assert str(error)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with all tables."""
    data_dir = tmp_path_factory.mktemp("fuzz") / "data"
    source = open_living(Parameters(seed=5, recordings=60, accounts=2))
    with serve(source) as emulator:
        assert run_by(clock_of(source.ledger), accesses_of(emulator), data_dir).exit_code == 0
    return data_dir


@pytest.fixture
def place(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a command. Its account is at a closed port of this machine."""
    for name in [name for name in os.environ if name.startswith(("RECSPEND_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    nowhere = {
        "BASE_URL": "http://127.0.0.1:9",
        "ACCOUNT_SID": ACCOUNT,
        "API_TOKEN": "PT" + "0" * 32,
        "ATTEMPTS": "1",
    }
    for name, value in {**nowhere, "DATA_DIR": str(built)}.items():
        monkeypatch.setenv(f"RECSPEND_{name}", value)
    yield tmp_path


words = st.sampled_from(
    [
        *(
            "select",
            "from",
            "marts.daily_spend",
            "*",
            "1",
            "'a'",
            "as",
            '"[/red]"',
            "cost",
            "/",
            "0",
            "where",
            "(",
            ")",
        ),
        *(
            "1e400",
            "date",
            "'infinity'",
            "::date",
            "::varchar",
            "::blob",
            "::bit",
            "::uuid",
            "::interval",
            "::time",
        ),
        *(
            "timestamptz",
            "map {'a': 1}",
            "[1, 2]",
            "union",
            "all",
            "range(3)",
            ",",
            "null",
            "count(*)",
            "::json",
        ),
        *(
            "union_value(a := 1)",
            "::hugeint",
            "::timestamp_ns",
            "repeat('x', 10)",
            "now()",
            "'\x1b[2J'",
            "{'a': [1]}",
        ),
        *(
            "::double",
            "'nan'",
            "::decimal(38, 20)",
            "pragma",
            "attach",
            "copy",
            "set",
            "explain",
            "summarize",
            ";",
            "--",
        ),
        *(
            "enum_range(null)",
            "'(0,1)'",
            "x",
            "limit",
            "order by",
            "unnest([1])",
            "time '24:00:00'",
            "interval 1 day",
        ),
    ]
)
casts = st.tuples(
    st.sampled_from(
        ["'1'", "1", "'a'", "null", "'infinity'", "'290000-01-01'", "'1 day'", "'00:00:00'", "'101'"]
    ),
    st.sampled_from(
        [
            *(
                "date",
                "timestamp",
                "timestamptz",
                "timestamp_ns",
                "timestamp_s",
                "time",
                "timetz",
                "interval",
                "blob",
            ),
            *(
                "bit",
                "uuid",
                "json",
                "hugeint",
                "uhugeint",
                "double",
                "float",
                "decimal(38,37)",
                "varchar",
                "boolean",
            ),
            *(
                "int[]",
                "int[3]",
                "struct(a int)",
                "map(int, int)",
                "union(a int, b varchar)",
                "utinyint",
                "bignum",
            ),
        ]
    ),
).map(lambda pair: f"select try_cast({pair[0]} as {pair[1]}) as x, {pair[0]} as y")
queries = st.one_of(st.lists(words, max_size=8).map(" ".join), casts, odd_text)


@given(queries, st.sampled_from(["table", "csv", "json"]))
@fuzz(15)
def test_any_query_ends_in_words(place: Path, sql: str, form: str) -> None:
    assert_in_words(run_command("query", sql, "--format", form), [sql, form])


commands = st.sampled_from(
    [
        *(
            "query",
            "report",
            "explain",
            "status",
            "check",
            "notify",
            "close",
            "statement",
            "ingest",
            "run",
            "normalize",
        ),
        *("doctor", "holidays", "init", "model", "figures", "schedule", "extract"),
    ]
)
options = st.sampled_from(
    [
        *(
            "--from",
            "--to",
            "--month",
            "--account",
            "--format",
            "--show",
            "--json",
            "--max-age",
            "--audit",
            "--preset",
        ),
        *(
            "--again",
            "--dry-run",
            "--channel",
            "--test",
            "--rows",
            "--year",
            "--full",
            "--rebuild",
            "--help",
            "--",
        ),
    ]
)
arguments = st.one_of(
    odd_text,
    st.sampled_from(
        [
            *(
                "daily_spend",
                "usage_date=2026-09-01",
                "month=2026-09",
                "2026-09",
                "2026-09-01",
                "0001-01-01",
                "csv",
            ),
            *(
                "9999-12-31",
                "0001-01",
                "9999-12",
                "26h",
                "1e9d",
                "999999999d",
                "DE-BY",
                "2026",
                "focus",
                "marts.x",
            ),
        ]
    ),
).filter(lambda text: "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text))


@given(commands, st.lists(options | arguments, max_size=5))
@fuzz(15)
def test_any_arguments_end_in_words(place: Path, command: str, given: list[str]) -> None:
    assert_in_words(run_command(command, *given), [command, *given])


keys = st.sampled_from(
    [
        *(
            "data_dir",
            "base_url",
            "account_sid",
            "api_user",
            "provider",
            "accounts",
            "notify",
            "lookback_days",
        ),
        *(
            "reporting_timezone",
            "memory_limit_mb",
            "concurrency",
            "read_timeout",
            "attempts",
            "metrics_file",
            "name",
        ),
        *(
            "token_file",
            "settle_days",
            "bill_tolerance",
            "x",
            "billing_increment_seconds",
            "unpriced_share_warning",
        ),
    ]
)
toml_values = st.one_of(
    odd_text.map(json.dumps),
    st.sampled_from(
        [
            *(
                "1",
                "-1",
                "1e400",
                "nan",
                "inf",
                "true",
                "[]",
                "{}",
                "[1]",
                "2026-09-01",
                "00:00:00",
                "[{}]",
                "[{x = 1}]",
            ),
            *(
                "9" * 30,
                "9" * 5_000,
                '[{account_sid = "a", name = "\\u001b"}]',
                '[{kind = "webhook"}]',
                "[" * 2_000,
            ),
        ]
    ),
)
files = st.one_of(
    st.lists(st.tuples(keys, toml_values), max_size=4).map(
        lambda lines: "\n".join(f"{key} = {value}" for key, value in lines).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=30),
    st.sampled_from([b"[[accounts]]\n" * 3, b"[accounts.a.b]\n", b"\xff\xfe", b"a = " + b"[" * 5_000]),
)


@given(files, st.sampled_from([("status",), ("doctor", "--json"), ("notify",), ("run", "--dry-run")]))
@fuzz(15)
def test_any_settings_file_ends_in_words(place: Path, content: bytes, command: tuple[str, ...]) -> None:
    (place / "recspend.toml").write_bytes(content)
    assert_in_words(run_command(*command), [content, command])


cells = st.one_of(
    odd_text,
    st.sampled_from(
        ["2026-09-01", "2026-09", "USD", "1.5", "", "DialVerb", "*", ACCOUNT, '"', '"a""b"', "1"]
    ),
)
reference_files = st.sampled_from(
    ["rate_card.csv", "budgets.csv", "invoices.csv", "holidays.csv", "account_names.csv", "storage_rates.csv"]
)


@given(
    reference_files,
    st.booleans(),
    st.lists(st.lists(cells, max_size=8), max_size=4),
    st.just(b"") | st.binary(max_size=4),
)
@fuzz(2, share=10)
def test_any_reference_file_ends_in_words(
    place: Path,
    built: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    with_header: bool,
    rows: list[list[str]],
    noise: bytes,
) -> None:
    data_dir = place / "data"
    rmtree(data_dir, ignore_errors=True)
    copytree(built, data_dir)
    monkeypatch.setenv("RECSPEND_DATA_DIR", str(data_dir))
    file = data_dir / "reference" / name
    header = (shipped("reference") / name).read_bytes().splitlines()[:1] if with_header else []
    lines = [",".join(row).encode("utf-8", "surrogatepass") for row in rows]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\n".join([*header, *lines]) + noise)
    assert_in_words(run_command("model"), [name, rows])


@pytest.mark.slow
def test_fuzzing_for_about_a_minute() -> None:
    """More examples, new each time; in a process of its own, since hypothesis reads their number once."""
    if EXAMPLES:
        pytest.skip("this is the longer run")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        command, env=os.environ | {"RECSPEND_FUZZ": "60"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:]
