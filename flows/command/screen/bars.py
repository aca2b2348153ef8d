"""Show a mart on a terminal: as many columns as fit, and a small bar for each row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import pyarrow as pa
from pyarrow.types import is_decimal, is_int8, is_integer
from rich.bar import Bar
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from transforms.report.manifest import control_totals
from transforms.report.month_marks import MARKS, month_marks
from transforms.report.text import for_display
from transforms.values.money import amounts
from transforms.values.visible import visible

_GAP = 2
_BAR_WIDTH = 10
_WIDEST = 28  # longer texts wrap
_IN_TITLE = ("month", "storage_month", "account_name")
_MEASURES = ("cost", "storage_cost", "expected_cost", "recordings")


def fitted(rows: pa.Table, title: Sequence[str], width: int) -> list[Table | Text]:
    """Lay out rows of a mart for a terminal of this width (characters).

    Columns that identify the rows come first, then the measure and its bar, then other figures while there is room;
    omitted columns are named. A month or account that is the same in all rows goes into the title. The length of a bar
    is relative to the largest row of the same currency.
    """
    if not rows.num_rows:
        return [Text("No rows.")]
    measure = _measure(rows.schema)
    cells = {str(name): list(column) for name, column in for_display(rows, _rates(rows.schema)).items()}
    same = {name: cells[name][0] or "-" for name in _IN_TITLE if len(set(cells.get(name, ()))) == 1}
    shown = _fitting(rows.schema, {name: cells[name] for name in cells if name not in same}, measure, width)
    table = Table(
        title=Text(
            " ".join(dict.fromkeys([*title, *(value.removesuffix("-01") for value in same.values())]))
        ),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in shown:
        # One word of a name per line, because figures are narrower than their names.
        justify: Literal["left", "right"] = "right" if _is_figure(rows.schema.field(name)) else "left"
        table.add_column(
            Text(visible(name).replace("_", "\n")),
            justify=justify,
            overflow="fold",
            max_width=_WIDEST,
            vertical="bottom",
        )
        if name == measure:
            table.add_column("", width=_BAR_WIDTH)
    bars = list(_bars(rows, measure))
    for place in range(rows.num_rows):
        line: list[Text | Bar] = []
        for name in shown:
            line.append(Text(cells[name][place] if cells[name][place] is not None else "-"))
            if name == measure:
                line.append(bars[place])
        table.add_row(*line)
    missing = [name for name in rows.column_names if name not in {*shown, *same, "account_sid", *MARKS}]
    return [table, *_totals(rows), *_marks(rows), *_left_out(missing)]


def _is_figure(field: pa.Field) -> bool:
    """Return whether a column is a measure; small integers (channels, a weekday) identify rows."""
    return is_decimal(field.type) or (is_integer(field.type) and not is_int8(field.type))


def _rates(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if "rate" in name.split("_")]


def _measure(schema: pa.Schema) -> str | None:
    figures = [field.name for field in schema if _is_figure(field)]
    return next((name for name in (*_MEASURES, *figures) if name in figures), None)


def _fitting(
    schema: pa.Schema, cells: Mapping[str, Sequence[str | None]], measure: str | None, width: int
) -> list[str]:
    """Return the columns that fit, in order; always the measure, its currency and the first identifying columns."""
    labels = [field.name for field in schema if not _is_figure(field) and field.name in cells]
    labels = [name for name in labels if name not in MARKS]
    if "account_name" in schema.names and "account_sid" in labels:
        labels.remove("account_sid")
    figures = [field.name for field in schema if _is_figure(field) and field.name not in (measure, *MARKS)]
    room = width - (_BAR_WIDTH + _GAP if measure else 0)
    chosen = []
    labels.sort(key="currency".__ne__)  # figures mean nothing without it
    for name in ([measure] if measure else []) + labels + figures:
        texts = [*name.split("_"), *(text for text in cells[name] if text is not None)]
        needed = min(max(map(cell_len, texts)), _WIDEST) + _GAP
        if needed <= room or name in (measure, "currency", *labels[:2]):
            chosen.append(name)
            room -= needed
    return [name for name in schema.names if name in chosen]


def _bars(rows: pa.Table, measure: str | None) -> Iterator[Bar]:
    values = rows[measure].to_pylist() if measure else [None] * rows.num_rows
    # Amounts in different currencies are not compared.
    groups = rows["currency"].to_pylist() if "currency" in rows.column_names else [None] * rows.num_rows
    longest: dict[str | None, Decimal] = defaultdict(Decimal)
    for group, value in zip(groups, values, strict=True):
        longest[group] = max(longest[group], abs(Decimal(value or 0)))
    for group, value in zip(groups, values, strict=True):
        share = abs(Decimal(value or 0)) / longest[group] if longest[group] else Decimal(0)
        yield Bar(1, 0, float(share), width=_BAR_WIDTH, color="red" if value and value < 0 else "cyan")


def _totals(rows: pa.Table) -> list[Text]:
    costs = {currency: sums["cost"] for currency, sums in control_totals(rows).items() if "cost" in sums}
    shown = [text for currency, cost in costs.items() for text in amounts([Decimal(cost)], currency)]
    return [Text(f"Total cost: {', '.join(shown)}", "bold")] if shown else []


def _marks(rows: pa.Table) -> list[Text]:
    """Name the months that are not final, for marts that know them; their columns need no room then."""
    month = next((name for name in ("month", "storage_month") if name in rows.column_names), None)
    if month is None or not {*MARKS} <= {*rows.column_names}:
        return []
    return [Text(mark, "yellow") for mark in month_marks(rows.select([month, *MARKS]).to_pylist(), month)]


def _left_out(missing: Sequence[str]) -> list[Text]:
    if not missing:
        return []
    return [Text(f"Not shown: {', '.join(missing)}. Pipe the output to get every column.", "dim")]
