import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO, StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import ConfigError
from transforms.report.text import (
    for_display,
    to_csv,
    to_json,
    to_json_objects,
    to_parquet,
    to_text,
    to_text_frame,
    with_iso_instants,
)

SPEND = pa.table(
    {
        "usage_date": pa.array([date(2018, 9, 25), None], pa.date32()),
        "account_name": pa.array(['Smith, "Bob" & Co', "Ümläut"]),
        "channels": pa.array([1, None], pa.int8()),
        "cost": pa.array([Decimal("1234.500000001"), None], pa.decimal128(38, 9)),
        "is_priced": pa.array([True, False]),
        "seen_at": pa.array([datetime(2018, 9, 25, 23, tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
    }
)


def decimals(*texts: str | None) -> pa.Array:
    return pa.array([None if text is None else Decimal(text) for text in texts], pa.decimal128(38, 9))


def test_csv_has_plain_decimals_and_empty_cells_for_null() -> None:
    assert to_csv(SPEND) == (
        "usage_date,account_name,channels,cost,is_priced,seen_at\n"
        '2018-09-25,"Smith, ""Bob"" & Co",1,1234.500000001,true,2018-09-25 23:00:00Z\n'
        ",Ümläut,,,false,\n"
    )


def test_csv_of_a_table_without_rows_is_its_header() -> None:
    assert to_csv(SPEND.slice(0, 0)) == "usage_date,account_name,channels,cost,is_priced,seen_at\n"


def test_csv_keeps_a_row_for_null_in_the_only_column() -> None:
    text = to_csv(pa.table({"price": decimals("1.5", None, "2")}))
    assert text == 'price\n1.500000000\n""\n2.000000000\n'
    assert list(csv.reader(StringIO(text))) == [["price"], ["1.500000000"], [""], ["2.000000000"]]


TEXTS = st.none() | st.text(st.sampled_from(",;'\"\r\n\t =a") | st.characters(codec="utf-8"), max_size=5)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_csv_round_trips_any_text(
    pairs: list[tuple[str | None, str | None]],
) -> None:
    table = pa.table(
        {name: pa.array([pair[place] for pair in pairs], pa.string()) for place, name in enumerate("ab")}
    )
    read = list(csv.reader(StringIO(to_csv(table), newline="")))
    assert read[0] == ["a", "b"]
    assert [[_undone(cell) for cell in row] for row in read[1:]] == [
        [text or "" for text in pair] for pair in pairs
    ]


def test_json_keeps_decimals_as_text_and_numbers_as_numbers() -> None:
    assert json.loads(to_json(SPEND)) == [
        {
            "usage_date": "2018-09-25",
            "account_name": 'Smith, "Bob" & Co',
            "channels": 1,
            "cost": "1234.500000001",
            "is_priced": True,
            "seen_at": "2018-09-25 23:00:00Z",
        },
        {
            "usage_date": None,
            "account_name": "Ümläut",
            "channels": None,
            "cost": None,
            "is_priced": False,
            "seen_at": None,
        },
    ]
    assert to_json(SPEND.slice(0, 0)) == "[]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("-0.002500000"), "-0.002500000"),
        (Decimal("0E-9"), "0.000000000"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        ("", ""),
        ("text", "text"),
        (date(2018, 9, 1), "2018-09-01"),
        (datetime(2018, 9, 25, 23, 0, 4, tzinfo=UTC), "2018-09-25 23:00:04Z"),
        (datetime(2018, 9, 25, 23, 0, 4, 500_000, tzinfo=UTC), "2018-09-25 23:00:04.500000Z"),
        (datetime(2018, 9, 25, 23, tzinfo=timezone(timedelta(hours=2))), "2018-09-25 23:00:00+02:00"),
        ([Decimal("1E-9"), None], '["0.000000001", null]'),
        ({"day": date(2018, 9, 1)}, '{"day": "2018-09-01"}'),
    ],
)
def test_values_are_written_without_loss(value: object, text: str | None) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1-1", "'-1-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-", "'-"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\t=1", "\t'=1"),
        ("\r=1", "\r'=1"),
        ("\n=1", "\n'=1"),
        ("support;=1+1", "support;'=1+1"),
        ("support\t@SUM(A1)", "support\t'@SUM(A1)"),
        ('support; "=1+1', "support; \"'=1+1"),
        ("support\n-1-1", "support\n'-1-1"),
        ("'=1+1", "''=1+1"),
        ("a=1", "a=1"),
        ("2026-09-01", "2026-09-01"),
        ("pre-paid; -5", "pre-paid; '-5"),
        ("Smith, -Jones", "Smith, -Jones"),
        ("-5", "-5"),
        ("'quoted", "'quoted"),
    ],
)
def test_csv_defuses_formulas_with_an_apostrophe(text: str, cell: str) -> None:
    for kind in (pa.string(), pa.large_string()):
        table = pa.table({"name": pa.array([text], kind)})
        assert list(csv.reader(StringIO(to_csv(table), newline=""))) == [["name"], [cell]]
    assert list(to_text_frame(table)["name"]) == [text]


_FORMULA_STARTS = "=+-@" + "".join(chr(ord(sign) + 0xFEE0) for sign in "=+-@")  # and the wide forms
_HOSTILE = st.text(st.sampled_from("=+-@;,|\t\r\n \"'1.ae\N{FULLWIDTH PLUS SIGN}"), min_size=1, max_size=12)


@given(st.lists(_HOSTILE, min_size=1, max_size=4))
def test_csv_has_no_formula_wherever_lines_are_split(names: list[str]) -> None:
    """As spreadsheets of any country split it, with quotes honoured and without."""
    table = pa.table({"n": list(range(len(names))), "name": names, "cost": decimals(*["-0.5"] * len(names))})
    text = to_csv(table)
    cells = [cell for row in csv.reader(StringIO(text, newline="")) for cell in row]
    for separator in ";\t|":
        cells += [cell for row in csv.reader(StringIO(text, newline=""), delimiter=separator) for cell in row]
        cells += re.split(f"[{re.escape(separator)}\r\n]", text)
    for cell in cells:
        beginning = cell.strip(' "')
        is_number = re.fullmatch(r"[+-]?[0-9]+([.][0-9]+)?", beginning)
        assert is_number or not beginning.startswith(tuple(_FORMULA_STARTS)), (
            text,
            cell,
        )


@given(st.lists(_HOSTILE, min_size=1, max_size=4))
def test_texts_are_exact_again_without_the_apostrophe(names: list[str]) -> None:
    (_, *rows) = csv.reader(StringIO(to_csv(pa.table({"n": [1] * len(names), "name": names})), newline=""))
    assert [_undone(name) for _, name in rows] == names


def _undone(cell: str) -> str:
    """Take one apostrophe away before what would be a formula without it."""
    if re.fullmatch("[+-]?[0-9]+([.][0-9]+)?", cell):
        return cell
    parts = re.split("([;|\t\r\n])", cell)
    for place, part in enumerate(parts):
        rest = part.lstrip(" \"'")
        if rest.startswith(tuple(_FORMULA_STARTS)):
            parts[place] = f"{part[: len(part) - len(rest) - 1]}{rest}"
    return "".join(parts)


def test_csv_defuses_formulas_in_lists_and_headers() -> None:
    found = to_csv(pa.table({"=1+1": [["x;=2"]]}))
    assert found == "'=1+1\n" + '"[""x;\'=2""]"\n'


def test_csv_leaves_negative_numbers_unchanged() -> None:
    table = pa.table({"price": decimals("-0.0025"), "count": pa.array([-1]), "price_raw": ["-0.0025"]})
    assert to_csv(table) == "price,count,price_raw\n-0.002500000,-1,-0.0025\n"


@given(st.lists(st.decimals(-(10**9), 10**9, places=9), min_size=1, max_size=5))
def test_decimals_round_trip_through_csv_and_json(values: list[Decimal]) -> None:
    table = pa.table({"cost": pa.array(values, pa.decimal128(38, 9))})
    (_, *cells) = csv.reader(StringIO(to_csv(table)))
    assert [Decimal(cell) for (cell,) in cells] == values
    assert [Decimal(row["cost"]) for row in json.loads(to_json(table))] == values
    assert [Decimal(text.replace(",", "")) for text in for_display(table)["cost"]] == values


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["1", "20", None], ["1.00", "20.00", None]),
        (["0.0025", "1.5", "0"], ["0.0025", "1.5000", "0.0000"]),
        (["-0.000000001"], ["-0.000000001"]),
        (["100.000000000", "1200"], ["100.00", "1,200.00"]),
        ([None], [None]),
        ([], []),
    ],
)
def test_shown_decimals_are_those_used_but_at_least_two(
    values: list[str | None], shown: list[str | None]
) -> None:
    table = pa.table({"cost": decimals(*values), "name": pa.array(["1.000"] * len(values))})
    frame = for_display(table)
    assert list(frame["cost"]) == shown
    assert list(frame["name"]) == ["1.000"] * len(values)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([2026, None, 1999], ["2026", None, "1999"]),
        ([1234567, 2026, -1000], ["1,234,567", "2,026", "-1,000"]),
        ([-10000], ["-10,000"]),
        ([None], [None]),
        ([], []),
    ],
)
def test_for_the_eye_separates_thousands_of_counts(values: list[int | None], shown: list[str | None]) -> None:
    assert list(for_display(pa.table({"rows": pa.array(values, pa.int64())}))["rows"]) == shown


def test_for_the_eye_cuts_rates_alone() -> None:
    table = pa.table({"cost": decimals("0.123456789", "1"), "rate": decimals("0.123456789", "1")})
    frame = for_display(table, ["rate"])
    assert list(frame["cost"]) == ["0.123456789", "1.000000000"]
    assert list(frame["rate"]) == ["0.1235", "1.0000"]


def test_text_frame_keeps_column_order_and_none_for_null() -> None:
    frame = to_text_frame(SPEND)
    assert list(frame.columns) == SPEND.column_names
    assert frame.iloc[1].tolist() == [None, "Ümläut", None, None, "false", None]


@given(st.lists(st.tuples(TEXTS, st.none() | st.decimals(-(10**28), 10**28, places=9)), max_size=4))
def test_json_objects_have_exact_numbers_and_no_nulls(
    pairs: list[tuple[str | None, Decimal | None]],
) -> None:
    table = pa.table(
        {
            "cost": pa.array([cost for _, cost in pairs], pa.decimal128(38, 9)),
            "tags": pa.array(
                [{"a": text, "b": None} for text, _ in pairs], pa.struct({"a": pa.string(), "b": pa.string()})
            ),
        }
    )
    expected = [
        ({} if cost is None else {"cost": cost}) | {"tags": {} if text is None else {"a": text}}
        for text, cost in pairs
    ]
    assert json.loads(to_json_objects(table), parse_float=Decimal) == expected


def test_json_objects_are_written_one_per_line() -> None:
    table = pa.table({"cost": decimals("0.0000001", None), "day": ["2026-09-01", "2026-09-02"]})
    assert to_json_objects(table) == (
        '[\n{"cost": 0.000000100, "day": "2026-09-01"},\n{"day": "2026-09-02"}\n]\n'
    )
    assert to_json_objects(table.slice(0, 0)) == "[]\n"


def test_parquet_round_trips_and_is_reproducible() -> None:
    assert pq.read_table(BytesIO(to_parquet(SPEND))).equals(SPEND)
    assert to_parquet(SPEND) == to_parquet(SPEND.combine_chunks())


def test_instants_become_iso_text_and_other_values_stay() -> None:
    table = with_iso_instants(SPEND)
    assert table["seen_at"].to_pylist() == ["2018-09-25T23:00:00Z", None]
    assert table.drop_columns("seen_at").equals(SPEND.drop_columns("seen_at"))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ([1, None], pa.list_(pa.int32()), "[1, null]"),
        ({"a": Decimal("1.50"), "b": None}, None, '{"a": "1.50", "b": null}'),
        ([("k", 1)], pa.map_(pa.string(), pa.int32()), '[["k", 1]]'),
        (float("inf"), pa.float64(), "inf"),
    ],
)
def test_nested_values_are_shown_as_text(value: object, kind: pa.DataType | None, text: str) -> None:
    table = pa.table({"a": pa.array([value, None], kind)})
    assert list(csv.reader(StringIO(to_csv(table)))) == [["a"], [text], [""]]
    assert json.loads(to_json(table)) == [{"a": text}, {"a": None}]
    assert for_display(table)["a"].tolist() == [text, None]


@pytest.mark.parametrize("write", [to_csv, to_json, for_display])
def test_value_that_python_does_not_have_is_refused(write: Callable[[pa.Table], object]) -> None:
    infinite = pa.table({"day": pa.array([2**31 - 1], pa.int32()).cast(pa.date32())})
    with pytest.raises(
        ConfigError, match=r"^A value of type date32\[day\] cannot be shown\. Cast it in the query"
    ):
        write(infinite)
