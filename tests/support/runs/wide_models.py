"""The wide models of a warehouse, which are built in parts, against the same models built of everything at once."""

from collections.abc import Sequence

import duckdb

from tests.support.sql.tables import MODELS
from transforms.model.models import Model

WIDE = [model for model in MODELS if model.twin.wide]


def not_the_union(connection: duckdb.DuckDBPyConnection, models: Sequence[Model] = WIDE) -> dict[str, int]:
    """Return the wide models whose rows are not those of a build of everything, and how many rows differ."""
    found = {}
    for model in models:
        columns = ", ".join(
            f'cast("{name}" as {column.type}) as "{name}"' for name, column in model.twin.columns.items()
        )
        connection.execute(f"create or replace temp table whole as select {columns} from ({model.sql})")
        ((differing,),) = connection.execute(
            f"select count(*) from ((from whole except all from {model.name}) union all "
            f"(from {model.name} except all from whole))"
        ).fetchall()
        found[model.name] = differing
    return {name: differing for name, differing in found.items() if differing}
