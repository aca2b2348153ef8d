import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tests.support.samples.transforms import page_body, recording
from transforms.errors import DataError, NotJsonError
from transforms.pages import records
from transforms.pages.record import Misread, Record, read_record
from transforms.pages.records import (
    ODD_END,
    ODD_FULL_END,
    Envelope,
    PageRecords,
    RecordReader,
    read_envelope,
    read_records,
    read_single,
)

UNKNOWN_FIELD = '"kept aside"'


def only(page: PageRecords) -> Record:
    assert page.misread == []
    (record,) = page.records
    return record


def values_of(record: Record) -> dict[str, object]:
    """Return the documented fields of a record, each as it was decoded."""
    values = {name: getattr(record, name) for name in Record.__struct_fields__}
    return {name: bytes(value) if isinstance(value, Raw) else value for name, value in values.items()}


def content_of(page: PageRecords) -> tuple[object, ...]:
    """Return what was read of a page, in a form that can be compared."""
    return (
        [values_of(record) for record in page.records],
        list(page.positions),
        page.misread,
        sorted(page.unknown_fields),
        page.odd_end,
    )


def test_single_recording_is_a_page_of_one() -> None:
    body = recording()
    assert read_single(body) == Envelope(1, None)
    page = read_records(body)
    assert only(page).sid == only(read_records(page_body(recording()))).sid
    assert (list(page.positions), page.odd_end, page.unknown_fields) == ([0], "", [])


def test_single_recording_with_an_unknown_field_is_read() -> None:
    page = read_records(recording(extra=UNKNOWN_FIELD))
    assert only(page).sid == "R"
    assert [name for _, name in page.unknown_fields] == ["extra"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"recordings": [], "sid": "R"}', page_body(recording())])
def test_what_is_not_a_single_recording_is_refused(body: bytes) -> None:
    with pytest.raises(DataError, match="not a recording"):
        read_single(body)


def test_single_recording_that_is_cut_off_may_be_asked_for_again() -> None:
    with pytest.raises(NotJsonError):
        read_single(recording()[:-1])


def test_single_recording_is_not_a_list() -> None:
    with pytest.raises(DataError):
        read_envelope(recording())


def test_envelope_has_row_count_and_next_page() -> None:
    body = page_body(
        recording('"A"'), recording('"B"'), next_page_uri=b'"/2010-04-01/x?Page=1\\u0026PageToken=PA1"'
    )
    assert read_envelope(body) == Envelope(2, "/2010-04-01/x?Page=1&PageToken=PA1")


def test_envelope_of_the_last_and_of_an_empty_page() -> None:
    assert read_envelope(page_body()) == Envelope(0, None)


def test_envelope_ignores_other_keys() -> None:
    body = b'{"start": 0, "end": 49, "total": 7, "recordings": [], "next_page_uri": null}'
    assert read_envelope(body) == Envelope(0, None)


@pytest.mark.parametrize("end", ["", '"next_page_uri": "", ', '"next_page_uri": " ", '])
@pytest.mark.parametrize(("size", "odd_end"), [("2", ODD_FULL_END), ('"2"', ODD_FULL_END), ("3", ODD_END)])
def test_absent_or_empty_next_page_is_an_odd_end(end: str, size: str, odd_end: str) -> None:
    # The second pair of records has one that makes the page be decoded record by record.
    for rows in (b'{"sid": "A"}, {"sid": "B"}', b'{"sid": "A"}, 1'):
        body = f'{{{end}"page_size": {size}, "recordings": ['.encode() + rows + b"]}"
        assert read_envelope(body) == Envelope(2, None)
        assert read_records(body).odd_end == odd_end


def test_documented_end_is_not_odd() -> None:
    assert read_records(page_body(recording())).odd_end == ""
    assert read_records(page_body(recording(), next_page_uri=b'"/next"')).odd_end == ""
    assert read_records(b'{"recordings": []}').odd_end == ODD_END


def test_envelope_counts_invalid_rows_too() -> None:
    assert read_envelope(page_body(b"1", b"null", b'{"sid": "\xff"}')) == Envelope(3, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe",
        page_body(recording())[:-1],
        page_body(recording())[:200],
        page_body() + b"x",
        page_body(next_page_uri=b'"\xff"'),
        b'{"recordings": [}, "next_page_uri": null}',
    ],
)
def test_body_that_is_not_json_has_its_own_error(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        read_envelope(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"{}",
        b'"page"',
        b'{"code": 20003, "message": "Authenticate", "status": 401}',
        b'{"next_page_uri": null}',
        b'{"recordings": null, "next_page_uri": null}',
        b'{"recordings": {}, "next_page_uri": null}',
        b'{"recordings": [], "next_page_uri": 1}',
        b'{"accounts": [], "next_page_uri": null}',
    ],
)
def test_other_json_is_an_error_that_no_retry_resolves(body: bytes) -> None:
    with pytest.raises(DataError, match="not a page of recordings") as raised:
        read_envelope(body)
    assert not isinstance(raised.value, NotJsonError)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"recordings": null, "next_page_uri": null}',
        page_body(recording())[:-1],
        page_body(b"1", next_page_uri=b'"\xff"'),
    ],
)
def test_records_of_an_invalid_page_are_refused(body: bytes) -> None:
    with pytest.raises(DataError, match="not a page of recordings"):
        read_records(body)


def test_documented_fields_are_decoded_as_sent() -> None:
    body = page_body(
        recording(
            '"RE1"',
            account_sid='"AC1"',
            call_sid='"CA1"',
            conference_sid='"CF1"',
            channels='"2"',
            channel="1",
            duration="14",
            price='"-0.00250"',
            price_unit='"usd"',
            error_code="16101",
            source='"OutBoundApi"',
            status='"Completed"',
            uri='"/x.json"',
        )
    )
    page = read_records(body)
    record = only(page)
    assert list(page.positions) == [0]
    assert page.unknown_fields == []
    assert bytes(record.price) == b'"-0.00250"'
    assert {
        name: getattr(record, name)
        for name in Record.__struct_fields__
        if isinstance(getattr(record, name), str | int)
    } == {
        "sid": "RE1",
        "account_sid": "AC1",
        "call_sid": "CA1",
        "conference_sid": "CF1",
        "date_created": "Tue, 25 Sep 2018 23:00:00 +0000",
        "date_updated": "Wed, 26 Sep 2018 23:00:04 +0000",
        "start_time": "Tue, 25 Sep 2018 23:00:00 +0000",
        "end_time": "Wed, 26 Sep 2018 23:00:04 +0000",
        "uri": "/x.json",
        "source": "OutBoundApi",
        "status": "Completed",
        "price_unit": "usd",
        "channels": "2",
        "channel": 1,
        "duration": 14,
        "error_code": 16101,
    }


@pytest.mark.parametrize("surprise", [None, UNKNOWN_FIELD])
def test_missing_and_null_fields_become_none(surprise: str | None) -> None:
    nulls = recording(
        '"A"', **dict.fromkeys(("call_sid", "duration", "price", "date_updated"), "null"), odd=surprise
    )
    left_out = recording(
        '"B"', **dict.fromkeys(("call_sid", "duration", "price", "date_updated")), odd=surprise
    )
    page = read_records(page_body(nulls, left_out))
    assert [record.sid for record in page.records] == ["A", "B"]
    for record in page.records:
        assert (record.call_sid, record.duration, record.date_updated) == (None, None, None)
        assert bytes(record.price) == b"null"


@pytest.mark.parametrize("surprise", [None, UNKNOWN_FIELD])
@pytest.mark.parametrize(
    "number",
    ["0.1", "-0.00250", "0.0024999999999999996", "1e-3", "100000000000000000000000.1", "0.10000", "-0"],
)
def test_price_keeps_every_digit_of_its_json_number(number: str, surprise: str | None) -> None:
    record = only(read_records(page_body(recording(price=number, odd=surprise))))
    assert bytes(record.price) == number.encode()


@pytest.mark.parametrize("surprise", [{}, {"odd": 1}])
@pytest.mark.parametrize("indent", [None, 2])
def test_white_space_around_values_is_ignored(indent: int | None, surprise: dict[str, int]) -> None:
    fields = {"sid": "A", "channels": None, "duration": "4", "uri": "/x", "price": 0.5} | surprise
    body = json.dumps(
        {"recordings": [fields], "next_page_uri": None}, indent=indent, separators=(" ,", " : ")
    )
    record = only(read_records(body.replace("\n", "\r\n").encode()))
    assert (record.sid, record.channels, record.duration, record.uri) == ("A", None, "4", "/x")
    assert bytes(record.price) == b"0.5"


def test_unused_documented_fields_are_not_unknown() -> None:
    body = page_body(
        recording(
            api_version='"2010-04-01"',
            subresource_uris='{"transcriptions": "/t.json"}',
            encryption_details="null",
            trim='"do-not-trim"',
            track='"both"',
            media_url='"https://example.com/a"',
            channel="1",
        )
    )
    assert read_records(body).unknown_fields == []


def test_unknown_fields_are_listed_once_per_record() -> None:
    page = read_records(
        page_body(
            recording('"A"', region="1", edge="null"), recording('"B"'), recording('"C"', region='{"a": 2}')
        )
    )
    assert [record.sid for record in page.records] == ["A", "B", "C"]
    assert sorted(page.unknown_fields) == [("A", "edge"), ("A", "region"), ("C", "region")]


def test_unexpected_record_changes_no_other() -> None:
    plain = [recording(f'"{sid}"', price=f'"0.00{sid}"', channels='"2"') for sid in range(1, 6)]
    expected = read_records(page_body(*plain)).records
    page = read_records(page_body(*plain[:2], b"7", *plain[2:4], recording('"6"', odd="1"), plain[4]))
    assert list(page.positions) == [0, 1, 3, 4, 5, 6]
    assert [values_of(record) for record in page.records if record.sid != "6"] == list(
        map(values_of, expected)
    )


@pytest.mark.parametrize(
    "row", [b"null", b"1", b"true", b'"RE1"', b"[]", b'[{"sid": "A"}]', b'{"sid": "A", "\xff": 1}']
)
def test_row_that_is_not_an_object_is_misread_alone(row: bytes) -> None:
    page = read_records(page_body(recording('"A"'), row, recording('"B"')))
    assert [record.sid for record in page.records] == ["A", "B"]
    assert list(page.positions) == [0, 2]
    assert page.misread == [(1, Misread(row, "record", "is not a JSON object in UTF-8"))]


@pytest.mark.parametrize(
    "name", ["account_sid", "call_sid", "date_created", "start_time", "uri", "source", "status", "price_unit"]
)
def test_invalid_utf_8_names_the_field_and_the_record(name: str) -> None:
    bad = recording('"BAD"', **{name: '"~"'}).replace(b"~", b"\xff")
    page = read_records(page_body(recording('"A"'), bad, recording('"B"')))
    assert [record.sid for record in page.records] == ["A", "B"]
    assert page.misread == [(1, Misread(bad, name, "is not text in UTF-8", "BAD"))]


def test_invalid_utf_8_in_an_unused_field_is_ignored() -> None:
    row = recording('"A"', subresource_uris='{"a": "~"}', odd="1").replace(b"~", b"\xff")
    assert only(read_records(page_body(row))).sid == "A"


def test_first_unreadable_field_is_named() -> None:
    row = b'{"status": "\xff", "uri": "\xfe", "sid": "LAST"}'
    assert read_records(page_body(row)).misread == [
        (0, Misread(row, "status", "is not text in UTF-8", "LAST"))
    ]


@pytest.mark.parametrize("surprise", [None, UNKNOWN_FIELD])
@pytest.mark.parametrize("sid", [None, "null"])
def test_record_without_a_sid_is_misread(sid: str | None, surprise: str | None) -> None:
    row = recording(sid, odd=surprise)
    page = read_records(page_body(row, recording('"B"')))
    assert page.misread == [(0, Misread(row, "sid", "is missing"))]
    assert [record.sid for record in page.records] == ["B"]


@pytest.mark.parametrize("sid", ["{}", "[]", '["A"]', "true", "false", '"\xff"'])
def test_sid_that_is_not_text_is_misread(sid: str) -> None:
    row = recording("~").replace(b"~", sid.encode("latin-1"))
    assert read_records(page_body(row)).misread == [(0, Misread(row, "sid", "is not text in UTF-8"))]


@pytest.mark.parametrize(("sid", "read"), [("12", "12"), ('"{}"', "{}"), ('"true"', "true"), ('"12"', "12")])
def test_sid_may_be_a_number_or_any_text(sid: str, read: str) -> None:
    assert only(read_records(page_body(recording(sid)))).sid == read


@pytest.mark.parametrize(
    ("name", "json_text", "read"),
    [
        ("duration", "4.0", "4.0"),
        ("duration", "true", "true"),
        ("channels", "[1]", "[1]"),
        ("status", "3", "3"),
        ("source", "null", None),
        ("price_unit", '{"a": 1}', '{"a": 1}'),
        ("date_created", "1537916400", "1537916400"),
        ("error_code", "1.5", "1.5"),
        ("call_sid", "12345678901234567890123", "12345678901234567890123"),
    ],
)
def test_value_of_another_type_becomes_its_json_text(name: str, json_text: str, read: str | None) -> None:
    page = read_records(page_body(recording(**{name: json_text})))
    assert getattr(only(page), name) == read
    assert page.unknown_fields == []


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=3), values, max_size=2),
    max_leaves=4,
)
ROWS = st.dictionaries(
    st.sampled_from(["sid", "price", "duration", "status", "channels", "call_sid", "odd"]),
    JSON_VALUES,
    max_size=5,
)


@given(st.lists(ROWS | JSON_VALUES, max_size=5))
def test_every_row_is_read_or_misread_at_its_position(page: list[object]) -> None:
    body = json.dumps({"recordings": page, "next_page_uri": None}, ensure_ascii=False).encode()
    read = read_records(body)
    assert sorted([*read.positions, *(position for position, _ in read.misread)]) == list(range(len(page)))
    assert read_envelope(body).rows == len(page)
    for position, record in zip(read.positions, read.records, strict=True):
        row = page[position]
        assert isinstance(row, dict)
        assert record.sid == str(row["sid"])
        if "price" in row:
            assert json.loads(bytes(record.price)) == row["price"]


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\uDBFF x", r"\\\ud83d"])
def test_lone_surrogate_in_one_record_spares_the_page(half: str) -> None:
    body = page_body(
        recording('"half"', source=f'"{half}"'), recording('"whole"', source=r'"\ud83d\ude00 \\ud800"')
    )
    read = read_records(body)
    assert read_envelope(body).rows == 2
    assert [record.sid for record in read.records] == ["half", "whole"]
    assert "\ufffd" in (read.records[0].source or "")
    assert read.records[1].source == "\U0001f600 \\ud800"


NAMES = st.sampled_from(["region", "edge", "call_id", "é", 'a"b', "a\\b", "a\nb", "", "sid2", "other_0"])


@given(st.lists(st.dictionaries(NAMES, JSON_VALUES, max_size=4), max_size=6), st.booleans())
def test_unknown_fields_cost_no_value_on_any_page(others: list[dict[str, object]], is_odd: bool) -> None:
    rows = [
        json.dumps({"sid": str(number), "price": 0.5, "error_code": 7} | fields).encode()
        for number, fields in enumerate(others)
    ]
    body = page_body(*rows, *([b'{"sid": "odd", "uri": 7}'] if is_odd else []))
    reader = RecordReader()
    found = [content_of(reader.read(body)) for _ in range(3)]
    assert found == [content_of(read_records(body))] * 3
    page = read_records(body)
    assert sorted(page.unknown_fields) == sorted(
        (str(number), name) for number, fields in enumerate(others) for name in fields
    )
    for record in page.records[: len(rows)]:
        assert (bytes(record.price), record.error_code) == (b"0.5", 7)


def test_only_the_first_page_with_a_field_is_read_slowly() -> None:
    body = page_body(*(recording(f'"{number}"', region='"x"') for number in range(50)))
    reader = RecordReader()
    with patch.object(records, "read_record", wraps=read_record) as alone:
        pages = [reader.read(body) for _ in range(10)]
    assert alone.call_count == 50
    assert {len(page.unknown_fields) for page in pages} == {50}


def test_too_many_unknown_fields_are_all_counted() -> None:
    body = page_body(*(recording(f'"{number}"', **{f"x{number}": "1"}) for number in range(300)))
    reader = RecordReader()
    for _ in range(2):
        page = reader.read(body)
        assert page.unknown_fields == [(str(number), f"x{number}") for number in range(300)]


def test_lone_surrogate_around_the_records_spares_the_page() -> None:
    body = page_body(recording('"A"'), recording('"B"'), next_page_uri=rb'"/next?\ud800"')
    assert read_envelope(body) == Envelope(2, "/next?\ufffd")


BROKEN = [
    recording('"BAD"', price="NaN"),
    recording('"BAD"', price="-Infinity"),
    recording('"BAD"', price="01"),
    recording('"BAD"', status=r'"\x"'),
    recording('"BAD"', status=r'"\u12"'),
    recording('"BAD"', status='"a\nb"'),
    recording('"BAD"', status="completed"),
    recording('"BAD"', status='{"a": [1}'),
    recording('"BAD"', status="[1, [2]"),
    recording('"BAD"', status="1]"),
    recording('"BAD"', status='"a" "b"'),
    recording('"BAD"') + b"}",
    recording('"BAD"') + b"x",
]


@pytest.mark.parametrize("broken", BROKEN)
def test_record_that_is_not_json_costs_no_other(broken: bytes) -> None:
    others = [recording(f'"{sid}"', status=r'"a, [{ \"\\\\"') for sid in "ABC"]
    body = page_body(others[0], b"7", broken, others[1], others[2], next_page_uri=b'"/next"')
    assert read_envelope(body) == Envelope(5, "/next")
    page = read_records(body)
    assert page.misread == [
        (1, Misread(b"7", "record", "is not a JSON object in UTF-8")),
        (2, Misread(broken, "record", "is not valid JSON", "BAD")),
    ]
    assert list(page.positions) == [0, 3, 4]
    assert [values_of(record) for record in page.records] == [
        values_of(record) for record in read_records(page_body(*others)).records
    ]


@pytest.mark.parametrize(
    "broken",
    [
        recording('"A"')[:-1],  # it would take the next record with it
        recording('"A"', status='{"x": 1'),
        recording('"A"', status='"a'),
        recording('"A"', status='"\\"'),
        recording('"A"') + b" " + recording('"B"'),
        recording(None, price="NaN"),
        recording('"A"', price="NaN", other='{"sid": "B"}'),
        recording(r'"\x"'),
        recording('""', price="NaN"),
        recording(f'"{"x" * 10_001}"', price="NaN"),
        b"NaN",
        b"",
    ],
)
def test_page_with_a_record_of_unknown_extent_is_not_json(broken: bytes) -> None:
    body = page_body(recording('"1"'), broken, recording('"2"'))
    for read in (read_envelope, read_records):
        with pytest.raises(NotJsonError):
            read(body)


@given(st.data())
def test_page_that_is_cut_off_is_not_json(data: st.DataObject) -> None:
    body = page_body(recording('"A"'), data.draw(st.sampled_from(BROKEN)), recording('"B"'))
    with pytest.raises(NotJsonError):
        read_envelope(body[: data.draw(st.integers(0, len(body) - 1))])


ODD_ROWS = st.one_of(
    st.sampled_from([*BROKEN, b"7", b"null", recording(None), recording('"A"', uri="7"), recording("12")]),
    st.builds(
        lambda sid, price: recording(f'"{sid}"', price=price), st.integers(0, 9), st.sampled_from("01")
    ),
    st.builds(
        lambda sid, name: recording(f'"{sid}"', **{name: "[1]"}), st.integers(0, 9), st.sampled_from("xy")
    ),
    st.sampled_from([recording('"A"', status=rb'"\ud800"'.decode()), recording('"A"', duration="-0", z="1")]),
)


@given(st.lists(ODD_ROWS, max_size=6))
def test_record_reads_the_same_on_every_page(rows: list[bytes]) -> None:
    """Whatever is on a page with it, and was on pages before."""
    reader = RecordReader()
    together = [reader.read(page_body(*rows)) for _ in range(2)]
    values, misread, unknown = [], [], []
    for position, row in enumerate(rows):
        alone = read_records(page_body(row))
        values += [values_of(record) for record in alone.records]
        misread += [(position, each) for _, each in alone.misread]
        unknown += alone.unknown_fields
    for page in together:
        assert [values_of(record) for record in page.records] == values
        assert (page.misread, sorted(page.unknown_fields)) == (misread, sorted(unknown))
