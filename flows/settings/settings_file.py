"""The text of recspend.toml, made of the settings themselves, so that it cannot say anything else.

Every setting stands in it with its description: set, when it was given, else as a comment with its default, or with an
example where there is none. A field's description, limits and examples are those of `flows/settings/settings.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from flows.settings.account_settings import AccountSettings
from flows.settings.settings import Settings
from transforms.settings.files import commented, entry, toml_value, words

LeftOutAccounts = Sequence[tuple[AccountSettings, str]]
"""Accounts that are to stand as comments, and why."""

_INTRO = (
    "Settings of recspend. What stands behind a # without a space is the default, or an example where there is none: "
    "take the # away to set it. The environment wins over this file, as in RECSPEND_LOOKBACK_DAYS=5. "
    "Tokens never stand here: .env.example says which variables hold them."
)
_LIMITS = {"ge": "{} or more", "gt": "above {}", "le": "{} at most", "lt": "below {}"}


def settings_text(settings: Settings, left_out: LeftOutAccounts = ()) -> str:
    """recspend.toml with what is set in these settings, of all sources; secrets are never in it."""
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
    """A setting with its words above it: set, as a comment with its usual value, or named only where there is none."""
    if value is not None:
        return [*words(_meaning(field)), f"{name} = {toml_value(value)}"]
    usual = _usual(field)
    if usual is None:
        return words(f"{name}: {_meaning(field)}")
    return [*words(_meaning(field)), *commented([f"{name} = {toml_value(usual)}"])]


def _example(table: str, model: type[BaseModel]) -> list[str]:
    """A table's entry as comments; words only when it has a key that must be given and no example of it."""
    fields = {each.alias or name: each for name, each in model.model_fields.items() if not _is_secret(each)}
    if any(each.is_required() and _usual(each) is None for each in fields.values()):
        return words(f"[[{table}]] may have: {', '.join(fields)}")
    lines = [line for name, each in fields.items() for line in _setting(name, each)]
    return [*commented([f"[[{table}]]"]), *lines]


def _values(entry_of_table: BaseModel) -> Mapping[str, object]:
    """What is set in an entry, in the order of its fields."""
    return {
        field.alias or name: value
        for name, field in type(entry_of_table).model_fields.items()
        if name in entry_of_table.model_fields_set
        and (value := getattr(entry_of_table, name)) is not None
        and not isinstance(value, SecretStr)
    }


def _usual(field: FieldInfo) -> Any:
    """A field's default; where it has none, its example or its first choice, or None."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return default if default is not None else next(iter(field.examples or _choices(field)), None)


def _meaning(field: FieldInfo) -> str:
    """The description with the choices or the limits."""
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
    """The models of a table's entries, when the field is a list of such: one for each kind of entry."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _entries_of(each)]


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
