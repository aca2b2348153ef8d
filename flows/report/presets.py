"""The systems with an export: names, files and limits. The content of a file: `sql/presets/<name>.sql`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Preset(StrEnum):
    """A system that imports costs, by its name on the command line."""

    CLOUDZERO = "cloudzero"
    DATADOG = "datadog"
    VANTAGE = "vantage"


@dataclass(frozen=True, slots=True)
class Limits:
    """The file of a preset, and the documented limits of the system in rows and bytes; None: no documented limit."""

    file: str
    most_rows: int | None = None
    most_bytes: int | None = None


PRESETS: Mapping[Preset, Limits] = {
    # https://docs.cloudzero.com/docs/anycost-common-bill-format-cbf
    Preset.CLOUDZERO: Limits("cloudzero.csv", most_rows=1_000_000),
    # https://docs.datadoghq.com/cloud_cost_management/setup/custom/
    Preset.DATADOG: Limits("datadog.json"),
    # https://docs.vantage.sh/connecting_custom_providers
    Preset.VANTAGE: Limits("vantage.csv", most_rows=10_000, most_bytes=2_000_000),
}
