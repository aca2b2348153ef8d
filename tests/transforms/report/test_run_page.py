"""The page of a run, checked with a Markdown parser."""

import re
from html import escape, unescape

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from transforms.report.run_page import RunResult, bullets, grid, key_of, literal, run_page, side_by_side

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])

EVIL = '<script>alert(1)</script> | [x](http://y) ![z](w) **b** `c` ~~d~~ \\| &lt; #e "f"'


def cells(html: str) -> list[str]:
    return re.findall(r"<td>(.*?)</td>", html)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" \\|`*_<&[]()!~#"))
)
def test_run_page_shows_any_text_unchanged(text: str) -> None:
    shown = f"x{text}x"
    assert [unescape(cell) for cell in cells(MARKDOWN.render(grid(("name",), [[shown]])))] == [
        " ".join(shown.split())
    ]


def test_run_page_escapes_hostile_names() -> None:
    html = MARKDOWN.render(
        run_page(RunResult(EVIL, {}, [[EVIL, None, "2026-09-30", "1", "0"]], [EVIL], EVIL, [EVIL]))
    )
    assert html.count(escape(EVIL)) == 5
    assert cells(html)[1] == "–"  # noqa: RUF001
    for tag in ("<script", "<a ", "<img", "<strong", "<code", "<s>"):
        assert tag not in html


def test_run_page_of_a_whole_run() -> None:
    result = RunResult(
        "recspend run",
        {
            "requests": 12345,
            "new": 3,
            "cost": {"EUR": "9.998600000", "USD": "1212.000000000"},
            "seconds": {"ingest": 0.84, "model": 12.25},
            "holes": 1,
            "failed": {"sales": "Not said twice."},
            "failed_checks": [],
        },
        [["support", "2026-06-30", "2026-09-30", "92", "1"]],
        ["1 day is missing."],
        "/data/reports",
        ["report.html", "holes.csv"],
    )
    assert (
        run_page(result)
        == """\
# recspend run

## Remarks

- 1 day is missing.

## Total cost in the warehouse

| EUR | USD |
| --- | --- |
| 9.9986 | 1,212.00 |

## Figures

| requests | new | holes |
| --- | --- | --- |
| 12,345 | 3 | 1 |

## Days

| account | first day | last day | covered | missing |
| --- | --- | --- | --- | --- |
| support | 2026-06-30 | 2026-09-30 | 92 | 1 |

## Seconds

| ingest | model |
| --- | --- |
| 0.8 | 12.2 |

## Files

On the machine that ran it, in /data/reports: report.html, holes.csv
"""
    )


def test_run_page_of_an_empty_run_has_only_a_title() -> None:
    assert run_page(RunResult("recspend ingest", {})) == "# recspend ingest\n"
    assert grid(("name",), []) == side_by_side({}) == bullets([]) == ""


def test_long_list_says_how_many_entries_are_left_out() -> None:
    assert bullets([str(number) for number in range(23)]).splitlines()[-2:] == ["- 19", "- and 3 more"]
    assert len(bullets(["x"] * 20).splitlines()) == 20


def test_artifact_key_is_the_name_or_else_unique() -> None:
    assert key_of("recspend-progress", "support-2") == "recspend-progress-support-2"
    names = ["Sales & co", "sales-co", "Sales, co", "M\u00fcller", "\u05d0", "", "-", "sales_co"]
    keys = {key_of("recspend-progress", name) for name in names}
    assert len(keys) == len(names)
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key) for key in keys)
    assert key_of("a", "Sales & co") == key_of("a", "Sales & co")


def test_literal_puts_a_text_on_one_line() -> None:
    assert literal(" two\nlines\t") == "two lines"
