"""Show tables on the screen."""

from collections.abc import Collection
from pathlib import Path
from shutil import get_terminal_size

import pyarrow as pa
from pyarrow.types import is_decimal, is_floating, is_integer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flows.stores.warehouse.sql_files import query
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.report.month_marks import month_marks
from transforms.report.text import for_display, with_credits_if_any
from transforms.values.visible import visible

_ROOMY_WIDTH = 90


def table(rows: pa.Table, title: str = "", rates: Collection[str] = ()) -> Table:
    """Lay out rows for the screen: numbers right-aligned, null as a dash. rates: columns with rates."""
    padding = (0, 1) if get_terminal_size().columns >= _ROOMY_WIDTH else (0, 0)
    shown = Table(
        title=Text(visible(title)) if title else None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=padding,
        pad_edge=False,
        show_edge=False,
    )
    for field in rows.schema:
        is_number = any(test(field.type) for test in (is_integer, is_decimal, is_floating))
        shown.add_column(Text(visible(field.name)), justify="right" if is_number else "left", overflow="fold")
    for values in for_display(rows, rates).itertuples(index=False, name=None):
        shown.add_row(*("-" if value is None else Text(value) for value in values))
    return shown


def spend_tables(data_dir: Path) -> list[Table | Text]:
    """Return the tables of the demo and of every run: spend by source, channels and account, over all months.

    Below them is what is known about the newest months: whether they are over, and which days are missing.
    """
    warehouse = Warehouse(warehouse_path(data_dir))
    words = ("source", "channels", "account")
    selects = {word: query(f"spend/by_{word}") for word in words}
    with warehouse.connected():
        found = warehouse.tables(selects, {"newest_month": False})
        months = warehouse.table(query("spend/months")).to_pylist()
    marks = [Text(mark) for mark in month_marks(months)]
    tables = {word: with_credits_if_any(rows) for word, rows in found.items()}
    return [*(table(rows, f"Spend by {word}", ["cost/min"]) for word, rows in tables.items()), *marks]
