"""The text of recspend.toml, made of the settings themselves, so that it cannot say anything else.

Every setting stands in it with its description: set, when it was given, else as a comment with its default, or with an
example where there is none. A field's description, limits and examples are those of `flows/settings.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from flows.settings import AccountSettings, Settings
from transforms.settings_text import commented, entry, toml_value, words

LeftOut = Sequence[tuple[AccountSettings, str]]
"""Accounts that are to stand as comments, and why."""

_INTRO = (
    "Settings of recspend. What stands behind a # without a space is the default, or an example where there is none: "
    "take the # away to set it. The environment wins over this file, as in RECSPEND_LOOKBACK_DAYS=5. "
    "Tokens never stand here: .env.example says which variables hold them."
)
_LIMITS = {"ge": "{} or more", "gt": "above {}", "le": "{} at most", "lt": "below {}"}


def settings_text(settings: Settings, left_out: LeftOut = ()) -> str:
    """recspend.toml with what is set in these settings, of all sources; secrets are never in it."""
    lines = words(_INTRO)
    fields = {name: field for name, field in Settings.model_fields.items() if not _is_secret(field)}
    tables = {name: model for name, field in fields.items() if (model := _table_of(field))}
    for name, field in fields.items():
        if name not in tables:
            is_set = name in settings.model_fields_set and getattr(settings, name) is not None
            value = getattr(settings, name) if is_set else _usual(field)
            line = f"{name} = {toml_value(value)}"
            lines += ["", *words(_meaning(field)), *([line] if is_set else commented([line]))]
    for name, model in tables.items():
        lines += ["", *_example(name, fields[name], model)]
        for each in getattr(settings, name):
            lines += ["", *entry(name, _values(each))]
    for account, reason in left_out:
        lines += ["", *words(reason), *commented(entry("accounts", _values(account)))]
    return "\n".join(lines) + "\n"


def _example(name: str, field: FieldInfo, model: type[BaseModel]) -> Iterator[str]:
    """A table's entry as comments, with the words of each key above it."""
    yield from words(f"{_meaning(field)}:")
    yield f"#[[{name}]]"
    for key, each in model.model_fields.items():
        if not _is_secret(each):
            yield from words(_meaning(each))
            yield f"#{key} = {toml_value(_usual(each))}"


def _values(entry_of_table: BaseModel) -> Mapping[str, object]:
    """What is set in an entry, in the order of its fields."""
    return {
        name: value
        for name in type(entry_of_table).model_fields
        if name in entry_of_table.model_fields_set
        and (value := getattr(entry_of_table, name)) is not None
        and not isinstance(value, SecretStr)
    }


def _usual(field: FieldInfo) -> Any:
    """A field's default; where it has none, its example, its first choice, or dots."""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is not None:
        return default
    return next(iter(field.examples or _choices(field)), "…")


def _meaning(field: FieldInfo) -> str:
    """The description with the choices or the limits."""
    limits = {name: getattr(each, name) for name in _LIMITS for each in field.metadata if hasattr(each, name)}
    if {"ge", "le"} <= limits.keys():
        bounds = f"{limits['ge']} to {limits['le']}"
    else:
        bounds = ", ".join(_LIMITS[name].format(limit) for name, limit in limits.items())
    bounds = " or ".join(_choices(field)) or bounds
    return f"{field.description or ''}{f' ({bounds})' if bounds else ''}"


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of an entry, when the field is a list of such."""
    models = [
        each for each in get_args(field.annotation) if isinstance(each, type) and issubclass(each, BaseModel)
    ]
    return models[0] if models else None


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
