"""Reference files: small tables people keep by hand. A file in the data folder takes the place of the shipped one."""

import csv
from collections.abc import Iterator
from pathlib import Path

from transforms.errors import ConfigError

_ACCOUNT_NAMES = "account_names.csv"
_ACCOUNT_COLUMNS = ["account_sid", "account_name"]


def account_names(data_dir: Path, shipped: Path) -> dict[str, str]:
    """Names by account sid. Raises ConfigError naming file and line when the file is not what it should be."""
    own = data_dir / "reference" / _ACCOUNT_NAMES
    path = own if own.exists() else shipped / _ACCOUNT_NAMES
    names: dict[str, str] = {}
    lines = _lines(path)
    if next(lines, None) != (1, _ACCOUNT_COLUMNS):
        raise ConfigError(f"{path}, line 1: the columns must be {','.join(_ACCOUNT_COLUMNS)}.")
    for number, row in lines:
        if not row:
            continue
        if len(row) != len(_ACCOUNT_COLUMNS) or not all(row):
            raise ConfigError(f"{path}, line {number}: needs an account sid and a name, nothing else.")
        if row[0] in names:
            raise ConfigError(f"{path}, line {number}: account {row[0]} stands there twice.")
        names[row[0]] = row[1]
    return names


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)  # a quote left open would swallow the lines behind it
        try:
            for row in reader:
                yield reader.line_num, row
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from None
        except csv.Error as error:
            raise ConfigError(f"{path}, line {reader.line_num}: {error}. Mend that line.") from None
