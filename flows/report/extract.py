"""Extracts: reports of one month, one account or some marts, as a separate set of files or as one table."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from flows.report.basis import MANIFEST
from flows.report.files import rendered
from flows.report.formats import FileFormat
from flows.report.report import about_warehouse, in_order, refuse_failed, selects
from flows.stores.folder.report_folder import ReportFolder
from flows.stores.warehouse.sql_files import queries, read_report_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ConfigError
from transforms.model.models import references
from transforms.model.statements import read_month
from transforms.report.manifest import manifest
from transforms.report.narrowing import Narrowing, month_among
from transforms.values.names import find_account, find_mart_name

_KIND = "recspend extract"
_NO_MONTHS = "it describes the newest day only"
_NO_ACCOUNTS = "its rows cover all accounts together"


@dataclass(frozen=True, slots=True)
class Extracted:
    """The folder of an extract, its files, how many of them changed, and mart → why it was left out."""

    folder: Path
    files: list[Path]
    written: int
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExtractRequest:
    """What to extract: a month (2026-09), an account (name or sid), marts by name; None or empty means all.

    All marts means all reports; a mart that is not a report must be named.
    """

    month: str | None = None
    account: str | None = None
    marts: Collection[str] = ()


def extract(
    data_dir: Path, sql: Path, request: ExtractRequest, file_format: FileFormat, out: Path | None = None
) -> Extracted:
    """Write the requested tables and `manifest.json` into a folder; all files are replaced together.

    `sql` is the folder of the models. Without `out`, the folder is under `extracts` in the data folder. Files of an
    earlier extract there are removed. Raises ConfigError if there is no such month, account or mart, or if the folder
    contains something else; ChecksFailedError if a check of severity fail found something.
    """
    warehouse = Warehouse(warehouse_path(data_dir))
    narrowing, account = _narrowing(warehouse, request)
    with warehouse.connected():
        refuse_failed(warehouse)
        selected, left_out = _selects(warehouse, sql, narrowing, request.marts)
        folder = ReportFolder(_place(out or _own_folder(data_dir, request, narrowing)))
        before = _before(folder)
        tables, about_tables = warehouse.tables(in_order(selected)), about_warehouse(warehouse)
    files, contents = rendered(tables, file_format)
    about = {
        "kind": _KIND,
        **about_tables,
        "month": request.month,
        "account_sid": narrowing.account_sid,
        "account_name": account,
        "left_out": left_out,
    }
    files[MANIFEST] = manifest(files, contents, about)
    written = folder.replace(files, before)
    return Extracted(folder.folder, [folder.folder / name for name in files], written, left_out)


def mart_rows(data_dir: Path, sql: Path, mart: str, request: ExtractRequest) -> pa.Table:
    """Return the rows of one mart. Raises ConfigError for an unknown name or month, or an unsupported filter."""
    warehouse = Warehouse(warehouse_path(data_dir))
    narrowing, _ = _narrowing(warehouse, request)
    with warehouse.connected():
        selected, _ = _selects(warehouse, sql, narrowing, [mart])
        (rows,) = warehouse.tables(in_order(selected)).values()
    return rows


def _narrowing(warehouse: Warehouse, request: ExtractRequest) -> tuple[Narrowing, str | None]:
    """Return the filter for a request, and the name of its account."""
    month = read_month(request.month) if request.month is not None else None
    known = warehouse.tables(queries("extract", "months", "accounts"))
    if month is not None:
        month_among(known["months"]["month"].to_pylist(), month)
    if request.account is None:
        return Narrowing(month), None
    accounts = [(row["account_sid"], row["account_name"]) for row in known["accounts"].to_pylist()]
    sid, name = find_account(
        accounts, request.account, "No account has been read yet; run `recspend run` first."
    )
    return Narrowing(month, sid), name


def _selects(
    warehouse: Warehouse, sql: Path, narrowing: Narrowing, marts: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return name → SELECT of the requested rows, and name → why it is left out."""
    available = selects(warehouse, sql, with_all=True)
    twins = read_report_twins(sql)
    named = [find_mart_name(available, mart) for mart in marts]
    selected = {name: available[name] for name in named or available if named or twins[name].is_report}
    columns = _columns(warehouse, available)
    found: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, select in selected.items():
        reads: dict[str, Collection[str]] = {}
        if narrowing.account_sid is not None and "account_sid" not in columns[name]:
            path = next((sql / "marts").rglob(f"{name}.sql"))
            select = path.read_text("utf-8")  # noqa: PLW2901  recomputed from the account's rows
            reads = {
                each: columns.get(each.removeprefix("marts."), ()) for each in references(select, str(path))
            }
        month_from = twins[name].month_from
        narrowed = narrowing.select(select, columns[name], month_from, reads)
        if narrowed is None:
            is_dated = narrowing.month is None or month_from
            left_out[name] = _NO_ACCOUNTS if is_dated else _NO_MONTHS
        else:
            found[name] = narrowed
    if named and left_out:
        name, why = next(iter(left_out.items()))
        what = "account" if why == _NO_ACCOUNTS else "month"
        raise ConfigError(f"{name} can't be filtered by {what}: {why}. Leave out --{what}.")
    return found, left_out


def _columns(warehouse: Warehouse, available: Mapping[str, str]) -> dict[str, list[str]]:
    heads = warehouse.tables(
        {name: f"select * from (\n{select}\n) limit 0" for name, select in available.items()}  # noqa: S608
    )
    return {name: head.column_names for name, head in heads.items()}


def _own_folder(data_dir: Path, request: ExtractRequest, narrowing: Narrowing) -> Path:
    parts = [request.month, narrowing.account_sid and quote(narrowing.account_sid, safe="")]
    return data_dir / "extracts" / ("_".join(part for part in parts if part) or "all")


def _place(folder: Path) -> Path:
    """Resolve the path of a folder. Raises ConfigError if the folder cannot be replaced as a whole."""
    place = folder.resolve()
    if not place.name or place == Path.cwd() or (place.exists() and not place.is_dir()):
        raise ConfigError(f"{place} cannot be replaced as a whole. Choose a separate folder with --out.")
    return place


def _before(folder: ReportFolder) -> list[str]:
    """Return the files of an earlier extract in a folder. Raises ConfigError if the folder contains something else."""
    found: dict[str, Any] = {}
    with suppress(ValueError, TypeError):
        found = dict(json.loads(folder.read(MANIFEST) or b"{}"))
    if found.get("kind") == _KIND:
        return [each["file"] for each in found.get("files", [])]
    if folder.folder.exists() and any(folder.folder.iterdir()):
        raise ConfigError(
            f"{folder.folder} contains files that are not from an extract. Choose a new or empty folder with --out."
        )
    return []
