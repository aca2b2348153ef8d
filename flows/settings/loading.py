"""Read the settings, and say where each one comes from."""

import os
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from flows.settings.config_file import config_path, read_file
from flows.settings.settings import Settings
from flows.settings.tokens import secret_variables
from flows.stores.folder.data_format import refuse_newer
from flows.stores.folder.private_files import keep_private
from flows.stores.warehouse.machine import give_workers
from flows.stores.warehouse.memory import give_memory
from transforms.errors import ConfigError


def origins() -> dict[str, str]:
    """Return where each setting that is set comes from: the name of its variable, or the settings file."""
    in_environment = EnvSettingsSource(Settings)()
    named = {name: f"RECSPEND_{name.upper()}" for name in in_environment}
    return {name: str(config_path()) for name in read_file()} | named


def load(**given: Any) -> Settings:
    """Read the settings.

    given: values from the command line, which win; None counts as not given.

    Raises ConfigError that names every setting that is not valid, but never its value; and when a newer recspend wrote
    the data folder, so that no command misreads a format it does not know.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigError(
            f"Invalid settings: {problems}. Check the RECSPEND_… variables and {config_path()}."
        ) from None
    except SettingsError:  # the only settings read as JSON
        raise ConfigError(
            "Invalid settings: RECSPEND_ACCOUNTS or RECSPEND_NOTIFY is not JSON. Use recspend.toml for them instead."
        ) from None
    refuse_newer(settings.data_dir)
    give_memory(settings.memory_limit_mb)
    give_workers(settings.workers)
    keep_private(settings.readable_by)
    return settings


def load_to_read() -> Settings:
    """Read the settings for a command that only reads what there is, and let the process forget every secret.

    What has no token cannot show it, whatever a query or a damaged file makes of the process. Raises ConfigError.
    """
    settings = load()
    secrets = secret_variables(settings)
    for name in [name for name in os.environ if name.upper() in secrets]:
        del os.environ[name]
    return settings.model_copy(update={"api_token": None})
