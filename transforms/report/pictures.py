"""Diagrams of the models as Mermaid text: what each model reads, and how the marts are related."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath

from transforms.errors import ConfigError, ModelError
from transforms.model.models import FACT, Model, references
from transforms.report.explain import recordings_sql

_EVERYWHERE = ("landed.settings", "landed.accounts")
"""Tables read by nearly every model: their arrows would hide all others."""
_MOST_COLUMNS = 4


def room_of(name: str, models: Mapping[str, Model]) -> str:
    """Return the room of a table: the folder of a mart, or else the schema."""
    model = models.get(name)
    return PurePath(model.file).parent.name if model else name.partition(".")[0]


def lineage(models: Sequence[Model]) -> str:
    """Draw a flowchart of the rooms: each with its models, and an arrow from each room it reads."""
    by_name = {model.name: model for model in models}
    within: dict[str, list[str]] = {}
    arrows = set()
    for model in models:
        room = room_of(model.name, by_name)
        within.setdefault(room, []).append(model.name.partition(".")[2])
        for name in _read(model):
            if (other := room_of(name, by_name)) != room:
                arrows.add((other, room))
    lines = ["flowchart LR", '    landed["<b>landed</b>"]']
    for room, names in within.items():
        lines.append(f'    {room}["<b>{room}</b><br>{"<br>".join(names)}"]')
    lines += [f"    {other} --> {room}" for other, room in sorted(arrows)]
    return _mermaid(lines)


def room_lineage(room: str, models: Sequence[Model]) -> str:
    """Draw a flowchart of one room: its models, and the tables of other rooms that they read."""
    by_name = {model.name: model for model in models}
    own = [model for model in models if room_of(model.name, by_name) == room]
    arrows = [(name, model.name) for model in own for name in sorted(_read(model))]
    outside = sorted({name for name, _ in arrows} - {model.name for model in own})
    lines = ["flowchart LR", f"    subgraph {room}"]
    lines += [f"        {_node(model.name)}" for model in own]
    lines += ["    end"]
    lines += [f'    {_id(name)}(["{name}"])' for name in outside]
    lines += [f"    {_id(name)} --> {_id(model)}" for name, model in arrows]
    return _mermaid(lines)


def entities(room: str, models: Sequence[Model]) -> str:
    """Draw an entity-relationship diagram of the marts of a room: keys, main columns, and the recordings of a row.

    If the key of a mart is part of another mart's key, one of its rows has many rows there. A recording belongs to
    exactly one row of a mart that sums all recordings, and to at most one row of any other mart with recordings.
    """
    by_name = {model.name: model for model in models}
    own = [model for model in models if room_of(model.name, by_name) == room]
    lines = ["erDiagram"]
    for model in own:
        lines += _entity(model, [*model.twin.key, *_main_columns(model)])
    lines += [f'    {_short(one)} ||--o{{ {_short(many)} : "has"' for one, many in _nested(own)]
    return _mermaid([*lines, *_made_of(own, by_name)])


def all_entities(models: Sequence[Model]) -> str:
    """Draw an entity-relationship diagram of all marts with their keys, and which are made of single recordings."""
    by_name = {model.name: model for model in models}
    marts = [model for model in models if model.name.startswith("marts.")]
    lines = ["erDiagram", "    direction LR"]  # in one row they are too small to read
    for model in marts:
        lines += _entity(model, model.twin.key)
    return _mermaid([*lines, *_made_of(marts, by_name)])


def _entity(model: Model, columns: Sequence[str]) -> list[str]:
    lines = [f"    {_short(model.name)} {{"]
    for name in columns:
        key = " PK" if name in model.twin.key else ""
        lines.append(f"        {_type(model.twin.columns[name].type)} {name}{key}")
    return [*lines, "    }"]


def _made_of(marts: Sequence[Model], by_name: Mapping[str, Model]) -> list[str]:
    lines = []
    for mart in marts:
        if mart.name != FACT and _has_recordings(by_name, mart):
            totals = mart.twin.adds_up
            one = "||" if "recordings" in totals.columns and not totals.where else "|o"
            lines.append(f'    {_short(mart.name)} {one}--o{{ {_short(FACT)} : "is made of"')
    return lines


def marts_page(room: str, models: Sequence[Model]) -> str:
    """Write the page of a room of marts: the question each answers, what it reads, and how they are related."""
    by_name = {model.name: model for model in models}
    own = [model for model in models if room_of(model.name, by_name) == room]
    return "\n".join(
        [
            f"# {room.capitalize()}",
            "",
            "Written by `make docs` from the SQL and its twins. Columns: [data/README.md](../../../data/README.md).",
            "",
            "| mart | question it answers |",
            "|---|---|",
            *(f"| `{_short(model.name)}` | {model.twin.question} |" for model in own),
            "",
            "What the marts read (`landed.settings` and `landed.accounts` are omitted):",
            "",
            room_lineage(room, models),
            "",
            "Their keys (PK) and main columns, and how they are related:",
            "",
            entities(room, models),
            "",
        ]
    )


def rooms(models: Iterable[Model]) -> list[str]:
    """Return the rooms of the marts, in alphabetical order."""
    return sorted({PurePath(model.file).parent.name for model in models if model.name.startswith("marts.")})


def with_parts(text: str, parts: Mapping[str, str]) -> str:
    """Replace the generated parts of a text: each is between `<!-- generated: name -->` and `<!-- end -->`.

    Raises ModelError if a part's markers are not in the text.
    """
    for name, content in parts.items():
        place = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(text):
            raise ModelError(
                f"The markers for {name} are missing. Put `<!-- generated: {name} -->` and `<!-- end -->` back."
            )
        text = place.sub(lambda found, content=content: f"{found[1]}\n{content}\n{found[2]}", text)  # type: ignore[misc]
    return text


def _read(model: Model) -> Collection[str]:
    return references(model.sql, model.file) - set(_EVERYWHERE)


def _main_columns(model: Model) -> list[str]:
    """Return the measures: money columns first, then other columns with a unit."""
    columns = {name: column for name, column in model.twin.columns.items() if name not in model.twin.key}
    money = [name for name, column in columns.items() if column.unit.startswith("currency")]
    others = [name for name, column in columns.items() if column.unit and name not in money]
    chosen = [*money, *others][:_MOST_COLUMNS]
    return [name for name in columns if name in chosen]


def _nested(marts: Sequence[Model]) -> list[tuple[str, str]]:
    """Return pairs of marts where the first key is part of the second, without pairs implied by two others."""
    keys = {mart.name: frozenset(mart.twin.key) for mart in marts}
    pairs = {(one, many) for one in keys for many in keys if keys[one] and keys[one] < keys[many]}
    return sorted(
        (one, many)
        for one, many in pairs
        if not any((one, between) in pairs and (between, many) in pairs for between in keys)
    )


def _has_recordings(models: Mapping[str, Model], mart: Model) -> bool:
    try:
        recordings_sql(models, mart, [])
    except ConfigError:
        return False
    return True


def _type(type_: str) -> str:
    return {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(type_, type_.partition("(")[0])


def _node(name: str) -> str:
    return f'{_id(name)}["{_short(name)}"]'


def _id(name: str) -> str:
    return name.replace(".", "_")


def _short(name: str) -> str:
    return name.partition(".")[2]


def _mermaid(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])
