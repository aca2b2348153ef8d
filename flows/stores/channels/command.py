"""A command of the operator's own, which gets messages as JSON."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from transforms.errors import ConfigError, DeliveryError
from transforms.monitor.messages import Message
from transforms.values.json_text import json_text

_TIMEOUT_SECONDS = 60
_STANDARD_ERROR = 2


def found(command: Sequence[str]) -> str:
    """The program that would be run, by its path. Raises ConfigError when there is none that can be."""
    path = shutil.which(command[0])
    if path is None:
        raise ConfigError(
            f"The command {command[0]} is not there, or cannot be run. Give the whole path of a program."
        )
    return f"the command {path}"


def hand_over(command: Sequence[str], environment: Mapping[str, str], message: Message) -> None:
    """Run a command without a shell, with a message on its standard input: one line of JSON.

    What it prints goes to our standard error. Raises DeliveryError when it cannot be started, takes longer than a
    minute, or ends with another exit code than 0.
    """
    given = json_text({"text": message.text, **message.as_object()}) + "\n"
    try:
        done = subprocess.run(  # noqa: S603 (the operator's own command, from the operator's own file)
            command,
            input=given.encode(),
            stdout=_STANDARD_ERROR,
            env=environment,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeliveryError(
            f"The command {command[0]} took more than {_TIMEOUT_SECONDS} seconds. It was stopped; make it quicker."
        ) from None
    except (OSError, ValueError) as error:
        raise DeliveryError(
            f"The command {command[0]} cannot be started ({type(error).__name__}). Give the whole path of a program."
        ) from None
    if done.returncode:
        raise DeliveryError(
            f"The command {command[0]} ended with exit code {done.returncode}. Look at what it printed."
        )
