import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.stores.folder.reference import record_used, reference_table, refuse_missing
from flows.stores.shipped import shipped
from transforms.errors import ConfigError
from transforms.model.reference import ACCOUNT_NAMES, BUDGETS, INVOICES, REFERENCES, STORAGE_RATES

HEADER = "account_sid,account_name\n"


def account_names(data_dir: Path, shipped_folder: Path) -> dict[str, str]:
    rows = reference_table(ACCOUNT_NAMES, data_dir, shipped_folder).to_pylist()
    return {row["account_sid"]: row["account_name"] for row in rows}


def names(tmp_path: Path, text: str | bytes) -> dict[str, str]:
    path = tmp_path / "reference" / "account_names.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return account_names(tmp_path, tmp_path / "no such folder")


def test_account_names_are_read_by_sid(tmp_path: Path) -> None:
    text = f'{HEADER}A1,support\nA2,"Verkauf, Köln"\nA3,"the ""other"" one"\n'
    assert names(tmp_path, text) == {"A1": "support", "A2": "Verkauf, Köln", "A3": 'the "other" one'}


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}A1,support",
        f"\ufeff{HEADER}A1,support\n",
        f"{HEADER}\nA1,support\n\n",
        f"{HEADER}A1,support\n".replace("\n", "\r\n"),
        f"{HEADER}A1,support\n".replace(",", ";"),
        f"\ufeff{HEADER}A1,support\n".replace(",", "\t"),
        # Columns and rows that were once used.
        "account_sid,account_name,,\nA1,support,,\n,,,\n",
        "account_sid;account_name;;\r\nA1;support\r\n;;;\r\n",
        " account_sid , account_name\nA1, support\n",
    ],
)
def test_file_saved_by_a_spreadsheet_is_read(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, text) == {"A1": "support"}


def test_header_alone_gives_no_rows(tmp_path: Path) -> None:
    assert names(tmp_path, HEADER) == {}


def test_file_in_the_data_folder_replaces_the_shipped_one(tmp_path: Path) -> None:
    shipped_folder = tmp_path / "shipped"
    shipped_folder.mkdir()
    (shipped_folder / "account_names.csv").write_text(f"{HEADER}A1,shipped\nA2,shipped\n")
    assert account_names(tmp_path, shipped_folder) == {"A1": "shipped", "A2": "shipped"}
    names(tmp_path, f"{HEADER}A1,own\n")
    assert account_names(tmp_path, shipped_folder) == {"A1": "own"}


def test_file_that_disappears_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "reference" / "account_names.csv"
    refuse_missing(REFERENCES, tmp_path)
    record_used(REFERENCES, tmp_path)
    assert not (tmp_path / "reference.json").exists()
    names(tmp_path, f"{HEADER}A1,own\n")
    record_used(REFERENCES, tmp_path)
    refuse_missing(REFERENCES, tmp_path)
    path.unlink()
    said = (
        f"^{path} is missing, and the tables were built with it. Restore it.* only its header: {HEADER[:-1]}$"
    )
    with pytest.raises(ConfigError, match=said):
        refuse_missing(REFERENCES, tmp_path)
    names(tmp_path, HEADER)
    refuse_missing(REFERENCES, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"\xff", b'["account_names.csv'])
def test_damaged_list_of_files_is_written_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "reference.json").write_bytes(content)
    names(tmp_path, HEADER)
    refuse_missing(REFERENCES, tmp_path)
    record_used(REFERENCES, tmp_path)
    assert (tmp_path / "reference.json").read_text() == '["account_names.csv"]'


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone/account_names\.csv is missing\. Restore it, or install"):
        account_names(tmp_path, tmp_path / "gone")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "account_names.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(ConfigError, match=r"reference/account_names\.csv is missing\. Restore it"):
        account_names(tmp_path, shipped("reference"))


def test_shipped_file_can_be_read(tmp_path: Path) -> None:
    assert account_names(tmp_path, shipped("reference")) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"line 1: the columns must be account_sid,account_name\."),
        ("A1,support\n", r"line 1: the columns are A1,support; they must be account_sid,account_name\."),
        ("account_name,account_sid\nsupport,A1\n", "the columns are account_name,account_sid; they must be"),
        ("account_sid,account_name,note\n", "the columns are account_sid,account_name,note; they must be"),
        (
            "account_sid|account_name\nA1|support\n",
            r"the columns are account_sid\|account_name; they must be",
        ),
        (f"{HEADER}A1,support\nA2\n", r"line 3: has 1 cells and needs 2\."),
        (f"{HEADER}A1,support,x\n", r"line 2: has 3 cells and needs 2\."),
        (f"{HEADER}A1,\n", r"line 2, account_name: must not be empty\."),
        (f"{HEADER},support\n", r"line 2, account_sid: must not be empty\."),
        (f"{HEADER}A1,support\n\nA1,sales\n", r"line 4: duplicates line 2\."),
        (f"{HEADER}A1,a\nA2,Köln\n".encode("latin-1"), r"is not UTF-8"),
        (f"{HEADER}A1,a\n".encode("utf-16"), r"is not UTF-8"),
        (f'{HEADER}A1,"support\nA2,sales\nA3,billing\n', r"line 4: "),
        (f"{HEADER}A1,{'a' * (csv.field_size_limit() + 1)}\n", r"line 2: "),
    ],
)
def test_invalid_file_is_an_error_with_file_and_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        names(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "reference" / "account_names.csv"))


RATES_HEADER = "account_sid,currency,valid_from,price_per_minute_month,free_minutes\n"


def storage_rates(tmp_path: Path, text: str) -> list[dict[str, object]]:
    path = tmp_path / "reference" / "storage_rates.csv"
    path.parent.mkdir()
    path.write_text(RATES_HEADER + text)
    found: list[dict[str, object]] = reference_table(STORAGE_RATES, tmp_path, tmp_path / "none").to_pylist()
    return found


def test_storage_rates_are_read_to_the_last_decimal(tmp_path: Path) -> None:
    text = ",USD,2026-01-01,0.000500001,10000\nA1,EUR,2026-02-01,0,0\n"
    for_all, own = storage_rates(tmp_path, text)
    assert for_all == {
        "account_sid": None,
        "currency": "USD",
        "valid_from": date(2026, 1, 1),
        "price_per_minute_month": Decimal("0.000500001"),
        "free_minutes": 10000,
    }
    assert list(own.values()) == ["A1", "EUR", date(2026, 2, 1), Decimal(0), 0]


def test_no_storage_rate_is_shipped(tmp_path: Path) -> None:
    assert reference_table(STORAGE_RATES, tmp_path, shipped("reference")).to_pylist() == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",USD,2026-01-01,0.0005,-1", "line 2, free_minutes: "),
        (",USD,2026-01-01,0.0005,1e4", "line 2, free_minutes: "),
        (",USD,2026-01-01,0.0005,10000.5", "line 2, free_minutes: "),
        (",USD,2026-01-01,0.0005,²", "line 2, free_minutes: "),
        (",USD,2026-01-01,0.0005,1000000000", "line 2, free_minutes: "),
        (",USD,2026-01-01,0.0005,", r"line 2, free_minutes: must not be empty\."),
        (",,2026-01-01,0.0005,0", r"line 2, currency: must not be empty\."),
        (",USD,2026-01-01,0.0005,0\n,USD,2026-01-01,0.0006,0", r"line 3: duplicates line 2\."),
    ],
)
def test_invalid_storage_rate_is_an_error_with_line_and_column(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        storage_rates(tmp_path, line + "\n")


INVOICES_HEADER = "account_sid,month,category,quantity,amount,currency\n"


def invoices(tmp_path: Path, lines: str) -> list[tuple[object, ...]]:
    path = tmp_path / "reference" / "invoices.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{INVOICES_HEADER}{lines}")
    rows = reference_table(INVOICES, tmp_path, tmp_path / "no such folder").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_invoice_has_a_month_a_quantity_and_an_exact_amount(tmp_path: Path) -> None:
    assert invoices(tmp_path, "A1,2026-09,recordings,1250,3.12,USD\nA1,2026-09,recordings,0,0,EUR\n") == [
        ("A1", date(2026, 9, 1), "recordings", Decimal(1250), Decimal("3.12"), "USD"),
        ("A1", date(2026, 9, 1), "recordings", Decimal(0), Decimal(0), "EUR"),
    ]
    assert reference_table(INVOICES, tmp_path / "none", shipped("reference")).num_rows == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (",2026-09,recordings,1,1,USD", r"line 2, account_sid: must not be empty\."),
        (
            "A1,2026-09-01,recordings,1,1,USD",
            r'line 2, month: "2026-09-01" is not a month \(use YYYY-MM\)\.',
        ),
        ("A1,2026-13,recordings,1,1,USD", r'line 2, month: "2026-13" is not a month'),
        ("A1,2026-09,,1,1,USD", r"line 2, category: must not be empty\."),
        ("A1,2026-09,recordings,,1,USD", r"line 2, quantity: must not be empty\."),
        (
            "A1,2026-09,recordings,many,1,USD",
            r'line 2, quantity: "many" is not a valid quantity\. .* such as 1250\.',
        ),
        ("A1,2026-09,recordings,1,-3.12,USD", r'line 2, amount: "-3\.12" is not a valid amount'),
        ('A1,2026-09,recordings,1,"3,12",USD', r'line 2, amount: "3,12" is not a valid amount'),
        ("A1,2026-09,recordings,1,1,usd", r'line 2, currency: "usd" is not a currency'),
        (
            "A1,2026-09,recordings,1,1,USD\nA1,2026-09,recordings,2,2,USD",
            r"line 3: duplicates line 2\.",
        ),
    ],
)
def test_invalid_invoice_is_an_error(tmp_path: Path, lines: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        invoices(tmp_path, lines)


def budgets(tmp_path: Path, lines: str) -> list[tuple[object, ...]]:
    path = tmp_path / "reference" / "budgets.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"account_sid,valid_from,currency,amount\n{lines}")
    rows = reference_table(BUDGETS, tmp_path, tmp_path / "no such folder").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_budget_can_cover_all_accounts_and_can_end(tmp_path: Path) -> None:
    assert budgets(tmp_path, ",2026-09,USD,500\nA1,2026-10,EUR,0.5\nA1,2026-12,EUR,\n") == [
        (None, date(2026, 9, 1), "USD", Decimal("500.000000000")),
        ("A1", date(2026, 10, 1), "EUR", Decimal("0.500000000")),
        ("A1", date(2026, 12, 1), "EUR", None),
    ]
    assert reference_table(BUDGETS, tmp_path / "none", shipped("reference")).num_rows == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A1,2026-09-01,USD,1", r'line 2, valid_from: "2026-09-01" is not a month'),
        ("A1,,USD,1", r"line 2, valid_from: must not be empty"),
        ("A1,2026-09,,1", r"line 2, currency: must not be empty"),
        ("A1,2026-09,USD,-1", r'line 2, amount: "-1" is not a valid amount'),
        ("A1,2026-09,USD,much", r'line 2, amount: "much" is not a valid amount'),
        (",2026-09,USD,1\n,2026-09,USD,2", r"line 3: duplicates line 2"),
    ],
)
def test_invalid_budget_is_an_error_with_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        budgets(tmp_path, f"{line}\n")


def test_every_reference_file_may_have_semicolons(tmp_path: Path) -> None:
    """Amounts need a decimal point even so: in 1,250 it is not known what the comma is."""
    path = tmp_path / "reference" / "storage_rates.csv"
    path.parent.mkdir()
    header = "account_sid;currency;valid_from;price_per_minute_month;free_minutes"
    path.write_text(f"{header};;\n;USD;2026-01-01;0.0005;10000;;\n")
    (row,) = reference_table(STORAGE_RATES, tmp_path, tmp_path).to_pylist()
    assert (row["account_sid"], row["price_per_minute_month"]) == (None, Decimal("0.0005"))
    path.write_text(f"{header}\n;USD;2026-01-01;0,0005;10000\n")
    with pytest.raises(ConfigError, match='line 2, price_per_minute_month: "0,0005" is not a valid amount'):
        reference_table(STORAGE_RATES, tmp_path, tmp_path)
