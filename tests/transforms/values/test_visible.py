import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("support", "support"),
        ("Büro 東京 – 1 €", "Büro 東京 – 1 €"),  # noqa: RUF001
        ("\x1b[2J\x1b]0;x\x07", r"\u001b[2J\u001b]0;x\u0007"),
        ("a\x00b\x7fc\x9bd", r"a\u0000b\u007fc\u009bd"),
        ("invoice\u202egpj.exe", r"invoice\u202egpj.exe"),
        ("a\u2028b\u2029c\nd\re\tf\x85g", r"a\u2028b\u2029c\u000ad\u000de\u0009f\u0085g"),
        ("a\ufeffb\u200bc\u2066d", r"a\ufeffb\u200bc\u2066d"),
        ("a\U000e0041", r"a\udb40\udc41"),
        ("\ud800", r"\ud800"),
        ("a\u200cb 👩\u200d💻", "a\u200cb 👩\u200d💻"),
    ],
)
def test_acting_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_ends_and_tabs_are_kept_in_lines() -> None:
    assert visible("a\nb\tc\r\x1b", lines=True) == "a\nb\tc\\u000d\\u001b"


@given(st.text())
def test_json_stays_the_same(text: str) -> None:
    assert json.loads(visible(json.dumps({"a": text}, ensure_ascii=False))) == {"a": text}


@given(st.text())
def test_nothing_left_acts(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(character) for character in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }
    assert visible(shown) == shown
