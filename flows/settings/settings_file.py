"""The text of recspend.toml, generated from the settings themselves, so that the two cannot differ.

It lists every setting with its description: set if it was given, else as a comment with its default, or with an example
if there is none. Descriptions, limits and examples are those of the fields in `flows/settings/settings.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from flows.settings.account_settings import AccountSettings
from flows.settings.settings import Settings
from transforms.settings.files import commented, entry, toml_value, words

LeftOutAccounts = Sequence[tuple[AccountSettings, str]]
"""Accounts that are written as comments only, and why."""

_INTRO = (
    "Settings of recspend. A line that starts with # and no space shows a default, or an example where there is no "
    "default: remove the # to set it. Environment variables, such as RECSPEND_LOOKBACK_DAYS=5, override this file. "
    "Never put a token here: .env.example lists the variables that hold them."
)
_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}


def settings_text(settings: Settings, left_out: LeftOutAccounts = ()) -> str:
    """Return recspend.toml with what is set in these settings, whatever the source. It never contains a secret."""
    lines, tables = words(_INTRO), list[str]()
    for name, field in type(settings).model_fields.items():
        models = _entries_of(field.annotation)
        if models:
            tables += ["", *words(_meaning(field))]
            tables += [line for model in models for line in ("", *_example(name, model))][1:]
            tables += [line for each in getattr(settings, name) for line in ("", *entry(name, _values(each)))]
        elif not _is_secret(field):
            value = getattr(settings, name) if name in settings.model_fields_set else None
            lines += ["", *_setting(name, field, value)]
    for account, reason in left_out:
        tables += ["", *words(reason), *commented(entry("accounts", _values(account)))]
    return "\n".join([*lines, *tables]) + "\n"


def _setting(name: str, field: FieldInfo, value: object = None) -> list[str]:
    """Return a setting below its description: set, as a comment with its usual value, or only named if it has none."""
    if value is not None:
        return [*words(_meaning(field)), f"{name} = {toml_value(value)}"]
    usual = _usual(field)
    if usual is None:
        return words(f"{name}: {_meaning(field)}")
    return [*words(_meaning(field)), *commented([f"{name} = {toml_value(usual)}"])]


def _example(table: str, model: type[BaseModel]) -> list[str]:
    """Return a table's entry as comments. If a required key has no example, only list the keys."""
    fields = {each.alias or name: each for name, each in model.model_fields.items() if not _is_secret(each)}
    if any(each.is_required() and _usual(each) is None for each in fields.values()):
        return words(f"[[{table}]] can have: {', '.join(fields)}")
    lines = [line for name, each in fields.items() for line in _setting(name, each)]
    return [*commented([f"[[{table}]]"]), *lines]


def _values(entry_of_table: BaseModel) -> Mapping[str, object]:
    """Return what is set in an entry, in the order of its fields, without secrets."""
    return {
        field.alias or name: value
        for name, field in type(entry_of_table).model_fields.items()
        if name in entry_of_table.model_fields_set
        and (value := getattr(entry_of_table, name)) is not None
        and not isinstance(value, SecretStr)
    }


def _usual(field: FieldInfo) -> Any:
    """Return a field's default; if it has none, its example or first choice, or None."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return default if default is not None else next(iter(field.examples or _choices(field)), None)


def _meaning(field: FieldInfo) -> str:
    """Return the description with the choices or the limits."""
    limits = {name: getattr(each, name) for name in _LIMITS for each in field.metadata if hasattr(each, name)}
    if {"ge", "le"} <= limits.keys():
        bounds = f"{limits['ge']} to {limits['le']}"
    else:
        bounds = ", ".join(_LIMITS[name].format(limit) for name, limit in limits.items())
    bounds = " or ".join(_choices(field)) or bounds
    return " ".join(each for each in (field.description, bounds and f"({bounds})") if each)


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _entries_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models of a table's entries, one for each kind, if the field is a list of entries."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _entries_of(each)]


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
