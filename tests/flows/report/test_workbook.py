"""The workbook, read back from its XML as in ECMA-376, without a library that could share a mistake."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from flows.report import workbook as module
from flows.report.workbook import workbook
from tests.support.samples.attacks import ATTACK
from transforms.values.visible import visible

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)

SPEND = pa.table(
    {
        "day": pa.array([date(2026, 9, 1), date(2028, 2, 29), None], pa.date32()),
        "account": ["=1+1", "https://example.test", "<b>&\u202e 🎧"],
        "channels": pa.array([1, None, 2], pa.int8()),
        "is_charged": [True, False, None],
        "cost": pa.array([Decimal("0.1"), Decimal("-123456.789012345"), None], pa.decimal128(38, 9)),
        "seen_at": pa.array(
            [datetime(2026, 9, 1, 23, 59, 59, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")
        ),
    }
)


class Book:
    """What a spreadsheet program finds in the file."""

    def __init__(self, content: bytes) -> None:
        self.archive = zipfile.ZipFile(io.BytesIO(content))
        book = self.read("xl/workbook.xml")
        self.sheets = [sheet.attrib["name"] for sheet in book.iter(f"{MAIN}sheet")]
        styles = self.read("xl/styles.xml")
        codes = {each.attrib["numFmtId"]: each.attrib["formatCode"] for each in styles.iter(f"{MAIN}numFmt")}
        formats = styles.find(f"{MAIN}cellXfs")
        assert formats is not None
        self.formats = [codes.get(each.attrib["numFmtId"], "") for each in formats]

    def read(self, name: str) -> ET.Element:
        return ET.fromstring(self.archive.read(name))

    def sheet(self, name: str) -> ET.Element:
        return self.read(f"xl/worksheets/sheet{self.sheets.index(name) + 1}.xml")

    def rows(self, name: str) -> list[dict[str, object]]:
        """Map column letters to values in each row; empty cells are left out."""
        return [dict(self._cells(row)) for row in self.sheet(name).iter(f"{MAIN}row")]

    def _cells(self, row: ET.Element) -> Iterator[tuple[str, object]]:
        for cell in row:
            assert cell.find(f"{MAIN}f") is None, "a formula"
            value = cell.findtext(f"{MAIN}v") or ""
            letter = cell.attrib["r"].rstrip("0123456789")
            kind, written = cell.attrib.get("t", "n"), self.formats[int(cell.attrib.get("s", 0))]
            if kind == "inlineStr":
                yield letter, "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
            elif kind == "b":
                yield letter, value == "1"
            elif "yyyy" in written:
                yield letter, DAY_ZERO + timedelta(seconds=round(float(value) * 86_400))
            else:
                yield letter, float(value)


def test_workbook_keeps_numbers_dates_booleans_and_texts() -> None:
    header, *rows = Book(workbook({"spend": SPEND})).rows("spend")
    assert list(header.values()) == SPEND.column_names
    assert rows == [
        {
            "A": datetime(2026, 9, 1, tzinfo=UTC),
            "B": "=1+1",
            "C": 1.0,
            "D": True,
            "E": 0.1,
            "F": datetime(2026, 9, 1, 23, 59, 59, tzinfo=UTC),
        },
        {
            "A": datetime(2028, 2, 29, tzinfo=UTC),
            "B": "https://example.test",
            "D": False,
            "E": -123456.789012345,
        },
        {"B": "<b>&\\u202e 🎧", "C": 2.0},
    ]


def test_workbook_freezes_headers_and_has_no_links_or_formulas() -> None:
    book = Book(workbook({"spend": SPEND, "empty": SPEND.slice(0, 0)}))
    for name in book.sheets:
        pane = book.sheet(name).find(f".//{MAIN}pane")
        assert pane is not None
        assert (pane.attrib["ySplit"], pane.attrib["state"]) == ("1", "frozen")
        assert book.sheet(name).find(f".//{MAIN}hyperlink") is None
    assert [list(row.values()) for row in book.rows("empty")] == [SPEND.column_names]


def test_workbook_shows_money_with_two_to_nine_decimals() -> None:
    book = Book(workbook({"spend": SPEND}))
    assert "#,##0.00#######" in book.formats


def test_workbook_has_a_valid_sheet_name_for_each_table_in_order() -> None:
    long = "expected_daily_spend_of_all_accounts"
    names = ["spend", "a/b", "A_B", long, f"{long}_and_more", "History", "'quoted'"]
    sheets = Book(workbook(dict.fromkeys(names, SPEND))).sheets
    assert sheets == [
        "spend",
        "a_b",
        "A_B 2",
        "expected_daily_spend_of_all_acc",
        "expected_daily_spend_of_all_a 2",
        "History 2",
        "quoted",
    ]


def test_workbook_continues_a_long_table_on_the_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS_OF_A_SHEET", 2)
    book = Book(workbook({"spend": SPEND, "spend 2": SPEND.slice(0, 1)}))
    assert book.sheets == ["spend", "spend 2", "spend 2 2"]
    assert [len(book.rows(name)) for name in book.sheets] == [3, 2, 2]
    assert book.rows("spend 2")[1]["B"] == "<b>&\\u202e 🎧"


def test_workbook_shows_characters_that_act_on_a_reader() -> None:
    book = Book(workbook({"odd": pa.table({"text": [ATTACK, "two\nlines"]})}))
    assert [row["A"] for row in book.rows("odd")[1:]] == [visible(ATTACK), "two\nlines"]


def test_workbook_cuts_a_text_longer_than_a_cell() -> None:
    book = Book(workbook({"long": pa.table({"text": ["ä" * 40_000]})}))
    assert book.rows("long")[1] == {"A": "ä" * 32_767}


def test_workbook_is_reproducible() -> None:
    assert workbook({"spend": SPEND}) == workbook({"spend": SPEND})
