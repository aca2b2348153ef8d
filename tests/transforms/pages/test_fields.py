import json
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.pages.fields import (
    ParsedField,
    PriceReading,
    read_channels,
    read_currency,
    read_duration,
    read_error_code,
    read_price,
    read_source,
    read_status,
)

SEVEN_SOURCES = [
    "DialVerb",
    "Conference",
    "OutboundAPI",
    "Trunking",
    "RecordVerb",
    "StartCallRecordingAPI",
    "StartConferenceRecording",
]


@pytest.mark.parametrize("name", SEVEN_SOURCES)
def test_documented_source_is_known_in_any_case(name: str) -> None:
    for spelled in (name, name.lower(), name.upper(), name.swapcase(), f" {name} "):
        assert read_source(spelled) == ParsedField(name)


@pytest.mark.parametrize(
    ("spelled", "name"),
    {
        "OutBoundApi": "OutboundAPI",
        "StartCallRecordingApi": "StartCallRecordingAPI",
        "StartConferenceRecordingAPI": "StartConferenceRecording",
        "startConferenceRecordingApi": "StartConferenceRecording",
        "dialverb": "DialVerb",
    }.items(),
)
def test_other_spelling_of_a_source_is_mapped(spelled: str, name: str) -> None:
    assert read_source(spelled) == ParsedField(name)


@pytest.mark.parametrize("name", ["Teleport", "Dial Verb", "dial_verb", "OutboundAPI2", " Odd Name "])
def test_unknown_source_is_kept_verbatim_and_counted(name: str) -> None:
    assert read_source(name) == ParsedField(name, "unknown source")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_source_is_unknown_and_counted(value: str | None) -> None:
    assert read_source(value) == ParsedField("unknown", "missing source")


@pytest.mark.parametrize(
    "status",
    "queued in-progress paused resumed completed absent stopped processing deleted failed".split(),
)
def test_documented_status_is_known_in_any_case(status: str) -> None:
    for spelled in (status, status.upper(), status.title(), f" {status} "):
        assert read_status(spelled) == ParsedField(status)


def test_unknown_status_is_kept_in_lower_case_and_counted() -> None:
    assert read_status("On-Hold") == ParsedField("on-hold", "unknown status")


@pytest.mark.parametrize("value", [None, "", " "])
def test_missing_status_is_unknown_and_counted(value: str | None) -> None:
    assert read_status(value) == ParsedField("unknown", "missing status")


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("USD", "USD"),
        ("usd", "USD"),
        (" Eur ", "EUR"),
        (None, "XXX"),
        ("", "XXX"),
        (" ", "XXX"),
        ("null", "XXX"),
        ("xxx", "XXX"),
    ],
)
def test_currency_is_upper_case_and_xxx_if_missing(value: str | None, currency: str) -> None:
    assert read_currency(value) == ParsedField(currency)


@pytest.mark.parametrize(
    ("value", "kept"),
    {
        "dollars": "DOLLARS",
        "$": "$",
        "us": "US",
        "US1": "US1",
        "\N{GREEK SMALL LETTER ALPHA}bc": "\N{GREEK CAPITAL LETTER ALPHA}BC",
    }.items(),
)
def test_invalid_currency_code_is_kept_and_counted(value: str, kept: str) -> None:
    assert read_currency(value) == ParsedField(kept, "unknown currency")


@pytest.mark.parametrize(("value", "channels"), [(1, 1), (2, 2), ("1", 1), ("2", 2), (" 2 ", 2), ("1.0", 1)])
def test_channels_are_parsed_from_number_and_text(value: str | int, channels: int) -> None:
    assert read_channels(value) == ParsedField(channels)


@pytest.mark.parametrize(("value", "channels"), [(0, 0), (3, 3), ("8", 8), (127, 127)])
def test_other_number_of_channels_is_kept_and_counted(value: str | int, channels: int) -> None:
    assert read_channels(value) == ParsedField(channels, "unknown channels")


@pytest.mark.parametrize(
    "value", ["stereo", "1.5", "-1", -1, 128, "128", 10**30, "1_0", "\N{ARABIC-INDIC DIGIT ONE}", "[1]"]
)
def test_invalid_channels_are_null_and_counted(value: str | int) -> None:
    assert read_channels(value) == ParsedField(None, "unreadable channels")


@pytest.mark.parametrize("value", [None, "", " ", "null"])
def test_missing_channels_are_null_and_counted(value: str | None) -> None:
    assert read_channels(value) == ParsedField(None, "missing channels")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (4, 4),
        ("4", 4),
        ("0", 0),
        (0, 0),
        (" 20 ", 20),
        ("+7", 7),
        ("14.0", 14),
        ("14.", 14),
        (2**31 - 1, 2_147_483_647),
        ("2147483647", 2_147_483_647),
    ],
)
def test_duration_is_parsed_from_number_and_text(value: str | int, seconds: int) -> None:
    assert read_duration(value) == ParsedField(seconds)


@pytest.mark.parametrize("value", [None, "", "null", "NULL"])
def test_missing_duration_is_null_and_not_counted(value: str | None) -> None:
    assert read_duration(value) == ParsedField(None)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-1",
        "-4.5",
        "0:04",
        "00:61:00",
        "00:00:60",
        "PT",
        "P",
        "P1M",
        "PT1.5M",
        "PTS",
        "68y",
        "2147483647.5",
        "4s",
        2**31,
        "2147483648",
        "9" * 40,
        "1e3",
        "4\n4",
    ],
)
def test_invalid_duration_is_null_and_counted(value: str | int) -> None:
    assert read_duration(value) == ParsedField(None, "unreadable duration")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("00:01:23", 83),
        ("1:00:00", 3600),
        ("00:00:42.000", 42),
        ("PT42S", 42),
        ("pt1m23s", 83),
        ("PT2H", 7200),
        ("P1DT1S", 86_401),
        ("PT11,000S", 11),
        ("60.00000000000001", 60),
        ("59.9999999999", 60),
    ],
)
def test_duration_in_another_form_is_parsed_and_counted(value: str, seconds: int) -> None:
    assert read_duration(value) == ParsedField(seconds, "duration in another form")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("42.7", 43),
        ("60.2", 61),
        ("60.001", 61),
        ("00:01:00.5", 61),
        ("PT11.64S", 12),
        ("0.2", 1),
        ("59.5", 60),
    ],
)
def test_part_of_a_second_is_rounded_up(value: str, seconds: int) -> None:
    """A started minute is billed in full: 60.2 seconds are two minutes, and so are the 61 that are kept."""
    assert read_duration(value) == ParsedField(seconds, "duration rounded up to a second")


@given(st.decimals(0, 2**31 - 2, places=3))
def test_duration_never_changes_the_billed_minutes(exact: Decimal) -> None:
    minutes = int((exact / 60).to_integral_value(ROUND_CEILING))
    for text in (f"{exact:f}", f"PT{exact:f}S", f"00:00:{exact:06.3f}" if exact < 60 else f"PT{exact:f}S"):
        seconds = read_duration(text).value
        assert isinstance(seconds, int)
        assert -(-seconds // 60) == minutes


@given(st.integers(0, 2**31 - 1))
def test_duration_is_the_same_from_number_and_text(seconds: int) -> None:
    assert read_duration(seconds) == read_duration(str(seconds)) == ParsedField(seconds)


@pytest.mark.parametrize(
    ("value", "code"),
    [("16101", "16101"), (16102, "16102"), (" 16101 ", "16101"), (0, "0"), ("E-7", "E-7")],
)
def test_error_code_is_text(value: str | int, code: str) -> None:
    assert read_error_code(value) == ParsedField(code)


@pytest.mark.parametrize("value", [None, "null", "NULL", "", " "])
def test_missing_error_code_is_null_even_as_the_word_null(value: str | None) -> None:
    assert read_error_code(value) == ParsedField(None)


@pytest.mark.parametrize(
    ("json_text", "value", "text"),
    [
        (b'"-0.0025"', "-0.0025", "-0.0025"),
        (b'"-0.00250"', "-0.0025", "-0.00250"),
        (b"0.0", "0", "0.0"),
        (b"0", "0", "0"),
        (b"0.0105", "0.0105", "0.0105"),
        (b"-0.0105", "-0.0105", "-0.0105"),
        (b'"0.04"', "0.04", "0.04"),
        (b'"+0.04"', "0.04", "+0.04"),
        (b"2.5e-3", "0.0025", "2.5e-3"),
        (b'"\\u0030.5"', "0.5", "0.5"),
    ],
)
def test_price_is_exact_and_keeps_its_text(json_text: bytes, value: str, text: str) -> None:
    assert read_price(json_text) == PriceReading(Decimal(value), text)


@pytest.mark.parametrize("json_text", [b"null", b'""', b'"null"', b'" "', b'"NULL"'])
def test_missing_price_is_null_without_text(json_text: bytes) -> None:
    assert read_price(json_text) == PriceReading(None, None)


@pytest.mark.parametrize(
    ("json_text", "value"),
    [
        (b"0.0024999999999999996", "0.0025"),
        (b'"0.00000000250000001"', "0.000000003"),
        (b"0.0000000005", "0"),
    ],
)
def test_price_over_nine_decimals_is_rounded_and_counted(json_text: bytes, value: str) -> None:
    text = json_text.decode().strip('"')
    assert read_price(json_text) == PriceReading(Decimal(value), text, "price rounded to nine decimals")


@pytest.mark.parametrize(
    ("json_text", "text"),
    [
        (b'"free"', "free"),
        (b'"NaN"', "NaN"),
        (b'"1_000"', "1_000"),
        (b"true", "true"),
        (b"false", "false"),
        (b"{}", "{}"),
        (b"[0.5]", "[0.5]"),
        (b"1e9", "1e9"),
        (b'"\xd9\xa1"', "\N{ARABIC-INDIC DIGIT ONE}"),
        (b'"0.5\xff"', '"0.5\N{REPLACEMENT CHARACTER}"'),
        (b"0.5\xff", "0.5\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_invalid_price_is_unreadable_and_keeps_its_text(json_text: bytes, text: str) -> None:
    assert read_price(json_text) == PriceReading(None, text, unreadable=True)


@given(st.integers(1 - 10**18, 10**18 - 1), st.booleans())
def test_price_never_passes_through_a_float(billionths: int, as_text: bool) -> None:
    price = Decimal(billionths).scaleb(-9)
    text = format(price, "f")
    json_text = json.dumps(text) if as_text else text
    assert read_price(json_text.encode()) == PriceReading(price, text)
