from dataclasses import fields
from decimal import Decimal
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.emulator.ledger.forms import (
    CHANNELS_FORMS,
    DATE_FORMS,
    ERROR_FORMS,
    FORMS,
    PRICE_FORMS,
    SIGN_FORMS,
    SOURCE_FORMS,
    Forms,
    round_nine,
)

SEPTEMBER = 1537916404  # 2018-09-25T23:00:04Z


def test_forms_of_each_field_include_its_default() -> None:
    assert list(FORMS) == [field.name for field in fields(Forms)]
    assert all(getattr(Forms(), name) in names for name, names in FORMS.items())


def test_date_forms() -> None:
    assert {name: write(SEPTEMBER) for name, write in DATE_FORMS.items()} == {
        "common": "Tue, 25 Sep 2018 23:00:04 +0000",
        "Sept": "Tue, 25 Sept 2018 23:00:04 +0000",
        "GMT": "Tue, 25 Sep 2018 23:00:04 GMT",
        "UTC": "Tue, 25 Sep 2018 23:00:04 UTC",
        "Z": "Tue, 25 Sep 2018 23:00:04 Z",
        "-0000": "Tue, 25 Sep 2018 23:00:04 -0000",
        "+0100": "Wed, 26 Sep 2018 00:00:04 +0100",
        "-05:00": "Tue, 25 Sep 2018 18:00:04 -05:00",
        "EST": "Tue, 25 Sep 2018 18:00:04 EST",
        "full month": "Tue, 25 September 2018 23:00:04 +0000",
        "no weekday": "25 Sep 2018 23:00:04 +0000",
        "wrong weekday": "Wed, 25 Sep 2018 23:00:04 +0000",
        "one-digit day": "Tue, 25 Sep 2018 23:00:04 +0000",
        "ISO 8601": "2018-09-25T23:00:04Z",
    }


def test_date_forms_that_differ_for_some_dates_only() -> None:
    fourth_of_january = 1546619313
    assert DATE_FORMS["common"](fourth_of_january) == "Fri, 04 Jan 2019 16:28:33 +0000"
    assert DATE_FORMS["one-digit day"](fourth_of_january) == "Fri, 4 Jan 2019 16:28:33 +0000"
    assert DATE_FORMS["Sept"](fourth_of_january) == DATE_FORMS["common"](fourth_of_january)


@pytest.mark.parametrize("form", ["common", "GMT", "+0100", "-05:00", "EST", "no weekday", "one-digit day"])
@given(epoch=st.integers(-(2**31), 2**33))
def test_date_form_keeps_the_instant(form: str, epoch: int) -> None:
    text = DATE_FORMS[form](epoch).replace("-05:00", "-0500")  # the parser drops a zone with a colon
    assert parsedate_to_datetime(text).timestamp() == epoch


def test_price_forms() -> None:
    price = Decimal("0.0025")
    assert {name: write("-", price) for name, write in PRICE_FORMS.items()} == {
        "text": '"-0.0025"',
        "padded text": '"-0.00250"',
        "long text": '"-0.00250000001"',
        "number": "-0.0025",
        "noisy number": "-0.0024999999999999996",
    }
    assert PRICE_FORMS["number"]("", Decimal(0)) == "0.0"
    assert PRICE_FORMS["padded text"]("", Decimal(5)) == '"5.00"'


@given(
    price=st.decimals(0, 10**9, allow_nan=False, places=9),
    form=st.sampled_from(sorted(PRICE_FORMS)),
    sign=st.sampled_from(sorted(SIGN_FORMS.values())),
)
def test_price_form_keeps_the_value_at_nine_decimals(price: Decimal, form: str, sign: str) -> None:
    text = PRICE_FORMS[form](sign, price).strip('"')
    assert round_nine(Decimal(text)) == price
    assert "e" not in text.lower()


def test_other_forms() -> None:
    assert [write(2) for write in CHANNELS_FORMS.values()] == [
        '"channels":2',
        '"channels":"2"',
        '"channel":"2","channels":"2"',
    ]
    assert {name: write("OutboundAPI") for name, write in SOURCE_FORMS.items()} == {
        "canonical": "OutboundAPI",
        "other spelling": "OutBoundApi",
        "upper case": "OUTBOUNDAPI",
        "lower case": "outboundapi",
    }
    assert [write(None) for write in ERROR_FORMS.values()] == ["null", "null", '"null"']
    assert [write("16101") for write in ERROR_FORMS.values()] == ['"16101"', "16101", '"16101"']
