"""Exports: the charges, in the formats that cost systems import.

`focus.csv` and `focus.parquet` follow the FinOps Open Cost and Usage Specification (FOCUS) 1.2. Its columns, their
domains and which of them are mandatory: https://focus.finops.org/focus-specification/v1-2/, written in
https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec (`specification/columns`, `specification/attributes`).
`sql/reports/focus.sql` selects them from `staging.stg_billed_charges`;
`sql/presets/<name>.sql` converts them to the format of one system, whose documentation it cites at the top.
"""

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from flows.report.files import Content, made
from flows.report.presets import PRESETS, Limits, Preset
from flows.stores.warehouse.sql_files import query
from flows.stores.warehouse.warehouse import Warehouse
from transforms.report.text import to_csv, to_json_objects, to_parquet, with_iso_instants

FOCUS = "focus"
"""The SELECT of `sql/reports` that this module writes, and the name of its rows in the presets."""

ABOUT_FOCUS = {
    "specification": "FOCUS 1.2",
    "ListCost": "the priced minutes at the rate of reference/rate_card.csv; the billed cost if it has no rate",
    "ContractedCost": "equal to ListCost",
    "EffectiveCost": "equal to BilledCost",
}
"""What the manifest says about figures that the API does not provide."""

logger = logging.getLogger(__name__)


class LeftOutCosts(msgspec.Struct):
    """What an export leaves out because its format cannot express it; its JSON is in the manifest.

    unpriced: recordings without a price. without_currency: recordings with a price but no currency. other_currencies:
    preset → charges (rows) in currencies that the system does not accept.
    """

    unpriced: int = msgspec.field(default=0, name="unpriced_recordings")
    without_currency: int = msgspec.field(default=0, name="recordings_without_currency")
    other_currencies: dict[Preset, int] = msgspec.field(
        default_factory=dict, name="charges_in_other_currencies"
    )


def exports(
    warehouse: Warehouse,
    sql: Path,
    presets: Collection[Preset],
    left_out: LeftOutCosts,
    content_of: Content = made,
) -> Iterator[tuple[str, bytes, pa.Table]]:
    """Yield name, content and rows of each file: FOCUS as CSV and Parquet, then the presets.

    `sql` is the folder of the models. What is left out is logged and added to `left_out`.
    """
    focus = (sql / "reports" / f"{FOCUS}.sql").read_text("utf-8")
    charges = warehouse.table(focus)
    _count_left_out(warehouse, left_out)
    for name, make in {
        f"{FOCUS}.csv": lambda: to_csv(with_iso_instants(charges)).encode(),
        f"{FOCUS}.parquet": lambda: to_parquet(charges),
    }.items():
        yield name, content_of(name, charges, make), charges
    for preset in sorted(presets):
        select = (sql / "presets" / f"{preset}.sql").read_text("utf-8")
        rows = warehouse.table(over_focus(focus, select))
        limits = PRESETS[preset]
        content = (to_json_objects(rows) if limits.file.endswith(".json") else to_csv(rows)).encode()
        left_out.other_currencies[preset] = charges.num_rows - rows.num_rows
        if left_out.other_currencies[preset]:
            logger.warning(
                "%s accepts only USD: %s charges in other currencies were left out.",
                limits.file,
                f"{left_out.other_currencies[preset]:,}",
            )
        _warn_of_limits(limits, rows, content)
        yield limits.file, content, rows


def over_focus(focus: str, select: str) -> str:
    """Return the SELECT of a preset, with the FOCUS rows as `focus`."""
    return f"with focus as (\n{focus}\n)\n{select}"


def _count_left_out(warehouse: Warehouse, left_out: LeftOutCosts) -> None:
    (counts,) = warehouse.table(query("report/left_out_of_focus")).to_pylist()
    left_out.unpriced, left_out.without_currency = counts["unpriced"], counts["without_currency"]
    if left_out.unpriced:
        logger.info("%s recordings without a price are not in %s.", f"{left_out.unpriced:,}", FOCUS)
    if left_out.without_currency:
        logger.warning(
            "%s recordings with a price but no currency are not in %s.",
            f"{left_out.without_currency:,}",
            FOCUS,
        )


def _warn_of_limits(limits: Limits, rows: pa.Table, content: bytes) -> None:
    if limits.most_rows is not None and rows.num_rows > limits.most_rows:
        logger.warning(
            "%s has %s rows, but the limit is %s. Load it in parts.",
            limits.file,
            f"{rows.num_rows:,}",
            f"{limits.most_rows:,}",
        )
    if limits.most_bytes is not None and len(content) > limits.most_bytes:
        logger.warning(
            "%s has %s bytes, but the limit is %s. Load it in parts.",
            limits.file,
            f"{len(content):,}",
            f"{limits.most_bytes:,}",
        )
