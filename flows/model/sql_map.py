"""Diagrams in the pages of `sql/`, drawn from the SQL and its twins; `python -m flows.model.sql_map` updates them."""

from pathlib import Path

from flows.stores.warehouse.sql_files import read_models
from transforms.report.pictures import all_entities, lineage, marts_page, room_lineage, rooms, with_parts

SQL = Path(__file__).parents[2] / "sql"


def render() -> dict[Path, str]:
    """Return each page with diagrams and its text; the pages of the marts' rooms are generated completely."""
    models = read_models(SQL)
    parts = {
        "README.md": {"lineage": lineage(models), "entities": all_entities(models)},
        "staging/README.md": {"lineage": room_lineage("staging", models)},
        "staging/recordings/README.md": {"lineage": room_lineage("recordings", models)},
    }
    pages = {SQL / name: with_parts((SQL / name).read_text("utf-8"), each) for name, each in parts.items()}
    return pages | {SQL / "marts" / room / "README.md": marts_page(room, models) for room in rooms(models)}


if __name__ == "__main__":
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
