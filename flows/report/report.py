"""Report: the marts as CSV files for finance, the report page, and the exports for cost systems."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from flows.report.basis import MANIFEST, FormerSet, basis, is_current
from flows.report.exports import ABOUT_FOCUS, FOCUS, LeftOutCosts, exports
from flows.report.files import Contents, rendered
from flows.report.formats import WORKBOOK, FileFormat
from flows.report.page import page
from flows.report.presets import PRESETS, Preset
from flows.stores.folder.report_folder import ReportFolder
from flows.stores.warehouse.sql_files import query, read_report_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ChecksFailedError
from transforms.report.manifest import manifest
from transforms.values.json_text import plain_object

_PAGE = "report.html"


@dataclass(slots=True)
class ReportSummary:
    """The report files, how many of them changed, and what the exports leave out."""

    files: list[Path] = field(default_factory=list)
    written: int = 0
    left_out: LeftOutCosts = field(default_factory=LeftOutCosts)


def report(
    data_dir: Path,
    sql: Path,
    presets: Collection[Preset] = (),
    formats: Collection[FileFormat] = (),
    *,
    with_page: bool = True,
) -> ReportSummary:
    """Write the report files into the folder `reports`.

    These are `<name>.csv` for each mart and each SELECT in `sql/reports`, the requested formats and presets, FOCUS as
    CSV and Parquet, `report.html`, and `manifest.json` with the digest, rows and control totals of every file. Formats
    and presets written earlier are updated too, so no file has older figures than the others. All files are replaced
    together. A set whose inputs or content did not change is left in place, and a file whose rows did not
    change is not made again.

    `sql` is the folder of the models. Raises ChecksFailedError, and changes no file, if a check of severity fail found
    something.
    """
    warehouse, folder = Warehouse(warehouse_path(data_dir)), ReportFolder(data_dir / "reports")
    with warehouse.connected():
        return _report(warehouse, folder, sql, presets, formats, with_page=with_page)


def _report(
    warehouse: Warehouse,
    folder: ReportFolder,
    sql: Path,
    presets: Collection[Preset],
    formats: Collection[FileFormat],
    *,
    with_page: bool,
) -> ReportSummary:
    summary = ReportSummary()
    refuse_failed(warehouse)
    of_tables = selects(warehouse, sql)
    presets = {
        *presets,
        *(preset for preset, limits in PRESETS.items() if folder.read(limits.file) is not None),
    }
    formats = list(dict.fromkeys((FileFormat.CSV, *formats, *_formats_in(folder, of_tables))))
    before = _manifest_in(folder)
    built_from = basis(warehouse, sql, [*presets, *formats, str(with_page)])
    if is_current(folder, built_from):
        summary.files = [folder.folder / name for name in (*_names(before), MANIFEST)]
        summary.left_out = msgspec.convert(before["left_out"], LeftOutCosts)
        return summary
    former = FormerSet(folder, sql)
    tables = warehouse.tables(in_order(of_tables))
    files: dict[str, bytes] = {}
    contents: Contents = {}
    for each in formats:
        more_files, more_contents = rendered(tables, each, former.content)
        files |= more_files
        contents |= more_contents
    for name, content, rows in exports(warehouse, sql, presets, summary.left_out, former.content):
        files[name], contents[name] = content, {Path(name).stem: rows}
    if with_page:
        shown = {
            path.stem: path.read_text("utf-8") for path in sorted((sql / "queries" / "page").rglob("*.sql"))
        }
        on_page = warehouse.tables(in_order(shown))
        files[_PAGE] = page({**on_page, "holes": tables["holes"]}, folder.read(_PAGE))
    about = about_warehouse(warehouse) | {"focus": ABOUT_FOCUS, "left_out": plain_object(summary.left_out)}
    files[MANIFEST] = manifest(files, contents, about)
    summary.written = folder.replace(files, _names(before))
    former.replaced_by(built_from, files[MANIFEST])
    summary.files = [folder.folder / name for name in files]
    return summary


def _manifest_in(folder: ReportFolder) -> dict[str, Any]:
    """Return the manifest of the set in the folder. A damaged one names no files: they are written again."""
    try:
        found: dict[str, Any] = json.loads(folder.read(MANIFEST) or b"")
        _names(found)
    except (ValueError, KeyError, TypeError):
        return {"files": []}
    return found


def _names(manifest_object: Mapping[str, Any]) -> list[str]:
    return [each["file"] for each in manifest_object["files"]]


def _formats_in(folder: ReportFolder, tables: Collection[str]) -> Iterator[FileFormat]:
    """Yield the formats of earlier runs that are still in the folder."""
    if folder.read(WORKBOOK) is not None:
        yield FileFormat.XLSX
    if any(folder.read(f"{name}.parquet") is not None for name in tables):
        yield FileFormat.PARQUET


def refuse_failed(warehouse: Warehouse) -> None:
    """Raise ChecksFailedError if a check of severity fail found something."""
    failed = warehouse.table(query("report/stopping_checks"))["name"].to_pylist()
    if failed:
        raise ChecksFailedError(
            f"Checks failed: {', '.join(failed)}. The reports were not changed; see `recspend check`."
        )


def selects(warehouse: Warehouse, sql: Path, *, with_all: bool = False) -> dict[str, str]:
    """Return name → SELECT of every report: the marts this version knows, and the SELECTs in `sql/reports`.

    with_all: include the marts that are not reports (one row per recording, or inputs of other marts).
    """
    twins = read_report_twins(sql)
    marts = warehouse.table(query("report/marts"))["table_name"].to_pylist()
    known = [mart for mart in marts if mart in twins and (with_all or twins[mart].is_report)]
    found = {mart: f'select * from marts."{mart}"' for mart in known}  # noqa: S608
    others = {path.stem: path.read_text("utf-8") for path in sorted((sql / "reports").glob("*.sql"))}
    return found | {name: select for name, select in others.items() if name != FOCUS}


def in_order(selects: Mapping[str, str]) -> dict[str, str]:
    """Sort each SELECT so that the same rows always come in the same order."""
    return {name: f"select * from ({select}) order by all" for name, select in selects.items()}  # noqa: S608


def about_warehouse(warehouse: Warehouse) -> dict[str, str | None]:
    """Return the newest day that was read (UTC) and the reporting time zone, for the manifest."""
    (settings,) = warehouse.table(query("report/as_of")).to_pylist()
    return dict(settings)
