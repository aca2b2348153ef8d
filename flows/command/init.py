"""`recspend init`: the settings file to start from, with questions on a terminal."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from flows.command.screen.output import put, say
from transforms.errors import ConfigError

if TYPE_CHECKING:
    from flows.settings.account_settings import Provider
    from flows.settings.settings import Settings
    from flows.settings.settings_file import LeftOutAccounts
    from flows.settings.start_files import StartFile

app = typer.Typer()

_QUESTIONS = {
    "provider": "Whose API is it, signalwire or twilio?",
    "base_url": "Scheme and host of the API, such as {}",
    "account_sid": "Sid of the account (project)",
    "account_name": "Its name in tables and messages",
    "reporting_timezone": "Time zone of the days in tables, like Europe/Berlin",
    "data_dir": "Folder to keep everything in",
}


@app.command()
def init(
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="signalwire or twilio.")] = None,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Scheme and host of the API.")] = None,
    account_sid: Annotated[str | None, typer.Option(metavar="SID", help="The account (project).")] = None,
    account_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name in tables and messages.")
    ] = None,
    api_user: Annotated[
        str | None, typer.Option(metavar="SID", help="Sid of the API key, if the token belongs to one.")
    ] = None,
    reporting_timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Time zone of the days in tables.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that keeps everything.")
    ] = None,
    accounts_of: Annotated[
        str | None,
        typer.Option(
            metavar="SID",
            help="Ask the API for this account and its subaccounts, and write an entry for each; RECSPEND_API_TOKEN "
            "must hold its token.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask no questions, even on a terminal.")] = False,
) -> None:
    """Write the files to start with: `recspend.toml`, `.env.example`, and lines of `.gitignore`.

    Values that are already set (flags, RECSPEND_… variables) are written; all other settings are listed as comments. An
    existing file is never overwritten: its new content is printed instead. No file holds a secret.

    Example: `recspend init --base-url https://example.signalwire.com --account-sid 720796a0 --timezone Europe/Berlin`
    """
    from flows.settings.config_file import config_path
    from flows.settings.loading import load
    from flows.settings.start_files import start_files

    given: dict[str, object] = {
        "provider": provider,
        "base_url": base_url,
        "account_sid": accounts_of or account_sid,
        "account_name": account_name or accounts_of,
        "api_user": api_user,
        "reporting_timezone": reporting_timezone,
        "data_dir": data_dir,
    }
    is_listing = accounts_of is not None
    if not yes and not os.path.lexists(config_path()) and sys.stdin.isatty():
        given = _asked(given, load(**given))
        is_listing = is_listing or typer.confirm("Ask the API for its subaccounts too?", err=True)
        known = load()
        if is_listing and not (known.api_token or known.token_file or known.token_block):
            given["api_token"] = typer.prompt("API token (not shown, not kept)", hide_input=True, err=True)
    settings, left_out = _with_listed(load(**given)) if is_listing else (_checked(load(**given)), ())
    files = start_files(settings, left_out)
    for line in _what_became_of(files):
        say(line)
    for file in files:
        if file.state == "kept" and file.path == config_path():
            put(file.text, end="")
    say(_what_is_next(settings))


def _checked(settings: "Settings") -> "Settings":
    """Return the settings if their account is valid; what is missing can be filled in later."""
    from flows.settings.accounts import check_place

    check_place(settings.base_url, settings.account_sid, settings.provider)
    return settings


def _with_listed(settings: "Settings") -> "tuple[Settings, LeftOutAccounts]":
    """Return the settings with an entry for each account that the API lists in addition to this one."""
    from flows.settings.accounts import accesses
    from flows.settings.groups import retry_policy
    from flows.settings.start_files import counted, listed_accounts, with_entries

    (access,) = accesses(settings.model_copy(update={"accounts": []}))
    listed = listed_accounts(access, retry_policy(settings))
    found, left_out = with_entries(settings, listed, access)
    say(counted(left_out, listed))
    return found, left_out


def _asked(given: Mapping[str, object], settings: "Settings") -> dict[str, object]:
    """Return what was given, and the answers to what was not; an invalid answer is asked for again."""
    from flows.settings.accounts import USUAL_BASE_URLS

    answers = dict(given)
    for field, question in _QUESTIONS.items():
        if answers[field] is None:
            usual, provider = getattr(settings, field), cast("Provider", answers["provider"])
            asked = question
            if field == "base_url":
                asked = question.format(USUAL_BASE_URLS[provider])
                # Twilio's own is the same for everybody, except in its regions.
                usual = usual or (USUAL_BASE_URLS[provider] if provider == "twilio" else None)
            if field == "account_name":
                usual = usual or answers["account_sid"]
            answers[field] = _answer(asked, usual, _check_of(field, provider))
    return answers


def _check_of(field: str, provider: "Provider") -> Callable[[str], object]:
    """Return the check that raises ConfigError for an invalid answer."""
    from flows.settings.accounts import check_place
    from flows.settings.loading import load

    if field == "base_url":
        return lambda answer: check_place(answer, provider=provider)
    if field == "account_sid":
        return lambda answer: check_place(account_sid=answer)
    return lambda answer: load(**{field: answer})


def _answer(question: str, usual: object, check: Callable[[str], object]) -> str:
    while True:
        answer = str(typer.prompt(question, default=usual, err=True)).strip()
        try:
            check(answer)
        except ConfigError as error:
            say(str(error))
        else:
            return answer


def _what_became_of(files: "Sequence[StartFile]") -> Iterator[str]:
    words = {
        "written": "Wrote {}.",
        "extended": "Added lines to {}: git is to ignore the data folder and .env.",
        "same": "{} is already what it would be.",
        "kept": "{} exists and is left unchanged.",
    }
    for file in files:
        yield words[file.state].format(file.path)
    if all(file.state in ("same", "kept") for file in files):
        yield "Nothing was changed."
    if files[0].state == "kept":
        yield f"{files[0].path} would have been:"


def _what_is_next(settings: "Settings") -> str:
    from flows.settings.config_file import config_path
    from flows.settings.start_files import variables_of

    steps = []
    missing = [
        name for name in ("base_url", "account_sid") if not settings.accounts and not getattr(settings, name)
    ]
    if missing:
        steps.append(f"fill in {' and '.join(missing)} in {config_path()}")
    if settings.accounts and not settings.account_sid and os.environ.get("RECSPEND_ACCOUNT_SID"):
        steps.append("unset RECSPEND_ACCOUNT_SID, because the accounts are in the file")
    unset = [name for name in variables_of(settings) if not os.environ.get(name)]
    if unset:
        variables = " and ".join(unset) if len(unset) < 3 else f"the {len(unset)} variables of .env.example"
        steps.append(f"set {variables}")
    first = f"{', '.join(steps)}, then " if steps else ""
    return f"Next: {first}run `recspend doctor`."
