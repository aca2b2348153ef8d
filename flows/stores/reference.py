"""Reference files: small tables people keep by hand. A file in the data folder takes the place of the shipped one."""

import csv
from pathlib import Path

from transforms.errors import ConfigError

_ACCOUNT_NAMES = "account_names.csv"
_ACCOUNT_COLUMNS = ["account_sid", "account_name"]


def account_names(data_dir: Path, shipped: Path) -> dict[str, str]:
    """Names by account sid. Raises ConfigError naming file and line when the file is not what it should be."""
    own = data_dir / "reference" / _ACCOUNT_NAMES
    path = own if own.exists() else shipped / _ACCOUNT_NAMES
    names: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        if next(reader, None) != _ACCOUNT_COLUMNS:
            raise ConfigError(f"{path}, line 1: the columns must be {','.join(_ACCOUNT_COLUMNS)}.")
        for row in reader:
            if not row:
                continue
            if len(row) != len(_ACCOUNT_COLUMNS) or not all(row):
                raise ConfigError(
                    f"{path}, line {reader.line_num}: needs an account sid and a name, nothing else."
                )
            if row[0] in names:
                raise ConfigError(f"{path}, line {reader.line_num}: account {row[0]} stands there twice.")
            names[row[0]] = row[1]
    return names
