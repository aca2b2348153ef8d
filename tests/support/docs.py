"""The generated parts of the rooms' pages: `python -m tests.support.docs` writes them.

A part is between `<!-- generated: name -->` and `<!-- end -->`. What is between is replaced; the rest of a page is
written by hand.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from flows.command.main import app
from flows.emulator import DIALECTS, FAULTS
from flows.emulator.descriptions import DIALECT_DESCRIPTIONS, FAULT_DESCRIPTIONS
from flows.settings.account_settings import AccountSettings
from flows.settings.channel_settings import AppriseSettings, CommandSettings, EmailSettings, WebhookSettings
from flows.settings.settings import Settings
from tests.support import TOP, page

_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_CHANNELS: Mapping[str, type[BaseModel]] = {
    "webhook": WebhookSettings,
    "apprise": AppriseSettings,
    "email": EmailSettings,
    "command": CommandSettings,
}
_ENTRIES = ("accounts", "notify")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def settings_table() -> str:
    """Every setting: its variable, its name in the file, its default, and its description."""
    rows = [
        [
            f"`RECSPEND_{name.upper()}`",
            "never" if _is_secret(field) else f"`{name}`",
            _default(field),
            described(field),
        ]
        for name, field in Settings.model_fields.items()
        if name not in _ENTRIES
    ]
    rows.append(["`RECSPEND_CONFIG`", "", "`recspend.toml`", "another settings file"])
    return table(["variable", "in `recspend.toml`", "default", "meaning"], rows)


def accounts_table() -> str:
    """The keys of an `[[accounts]]` entry."""
    return table(
        ["key", "default", "meaning"],
        ([f"`{name}`", _default(field), described(field)] for name, field in _keys(AccountSettings)),
    )


def channels_table() -> str:
    """The keys of a `[[notify]]` entry, and which kinds of channel have each."""
    found = dict[str, tuple[FieldInfo, list[str]]]()
    for kind, model in _CHANNELS.items():
        for name, field in _keys(model):
            found.setdefault(name, (field, []))[1].append(kind)
    rows = []
    for name in sorted(found, key=lambda name: (len(found[name][1]) < len(_CHANNELS), name != "kind")):
        field, kinds = found[name]
        meaning = " or ".join(f"`{kind}`" for kind in _CHANNELS) if name == "kind" else described(field)
        default = "all" if name == "on" else _default(field)
        rows.append(
            [f"`{name}`", "all" if len(kinds) == len(_CHANNELS) else ", ".join(kinds), default, meaning]
        )
    return table(["key", "kind", "default", "meaning"], rows)


def commands_table() -> str:
    """Every command in one line."""
    return table(
        ["command", "what it does"],
        ([f"[`{name}`](#{_anchor(name)})", _first(command)] for name, command in commands(app)),
    )


def commands_help() -> str:
    """The `--help` of every command."""
    return "\n\n".join(_help(name, command) for name, command in commands(app))


def faults_table() -> str:
    """Every fault of the emulator."""
    return table(["fault", "what happens"], ([f"`{name}`", FAULT_DESCRIPTIONS[name]] for name in FAULTS))


def dialects_table() -> str:
    """Every dialect of the emulator."""
    rows = ([f"`{name}`", DIALECT_DESCRIPTIONS[name]] for name in DIALECTS)
    return table(["dialect", "`DateCreated<` and `DateCreated>`"], rows)


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "flows/settings": {"settings": settings_table, "accounts": accounts_table},
    "flows/monitor": {"channels": channels_table},
    "flows/command": {"commands": commands_table, "help": commands_help},
    "flows/emulator": {"faults": faults_table, "dialects": dialects_table},
}
"""Room → name of a part → what writes it."""


def with_parts(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A page with its parts written from the code. Raises KeyError for a marker that has no part."""
    return _PART.sub(lambda found: f"{found[1]}{parts[found[2]]()}\n{found[3]}", text)


def commands(typer_app: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The commands by name, each followed by those below it: `emulator`, `emulator totals`."""
    group: Any = typer_app if prefix else get_command(typer_app)
    for name, command in group.commands.items():
        yield f"{prefix}{name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")


def described(field: FieldInfo) -> str:
    """The description of a setting with its choices or limits."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    limits = {
        name: getattr(each, name) for name in ("ge", "le") for each in field.metadata if hasattr(each, name)
    }
    bounds = " or ".join(f"`{choice}`" for choice in choices)
    if limits.keys() == {"ge", "le"}:
        bounds = f"{limits['ge']} to {limits['le']}"
    return f"{field.description} ({bounds})" if bounds else str(field.description)


def _help(name: str, command: Any) -> str:
    about = "\n".join(line.strip() for line in (command.help or "").splitlines())
    given = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join(
        ["recspend", name, *(_argument(each) for each in given), *(["[OPTIONS]"] if options else [])]
    )
    parts = [f"### {name}", f"`{usage}`", about.strip()]
    if options:
        parts.append(table(["option", "default", "meaning"], map(_option, options)))
    return "\n\n".join(parts)


def _argument(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    return shown if argument.required else f"[{shown}]"


def _option(option: Any) -> list[str]:
    flags = ", ".join(f"`{flag}`" for flag in option.opts)
    if not option.is_flag:
        flags = f"`{option.opts[0]} {option.metavar or _choices(option) or option.opts[0][2:].upper()}`"
    default = option.default
    shown = default.value if isinstance(default, Enum) else default
    text = "required" if option.required else "" if option.is_flag or shown in (None, "") else f"`{shown}`"
    return [flags, text, option.help or ""]


def _choices(option: Any) -> str:
    kinds = [option.type_descriptor.annotation, *get_args(option.type_descriptor.annotation)]
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
    return "|".join(str(each.value) for enum in enums for each in enum)


def _keys(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        return "required"
    match default:
        case None:
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case int() | float() | Decimal():
            return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
        case str() | Path():
            return f"`{default}`"
    return str(default)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _first(command: Any) -> str:
    paragraph = (command.help or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")


def main() -> None:
    """Write the parts of every page."""
    for room, parts in PARTS.items():
        (TOP / room / "README.md").write_text(with_parts(page(room), parts), encoding="utf-8")


if __name__ == "__main__":
    main()
