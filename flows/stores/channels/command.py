"""Send messages as JSON to a command of the operator."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from transforms.errors import ConfigError, DeliveryError
from transforms.monitor.messages import Message
from transforms.values.json_text import json_text

_TIMEOUT_SECONDS = 60
_STANDARD_ERROR = 2


def found(command: Sequence[str]) -> str:
    """Describe the program that would run, with its path. Raises ConfigError if it is not found or not executable."""
    path = shutil.which(command[0])
    if path is None:
        raise ConfigError(f"The command {command[0]} is not an executable program. Give its full path.")
    return f"the command {path}"


def hand_over(command: Sequence[str], environment: Mapping[str, str], message: Message) -> None:
    """Run a command without a shell, with the message as one line of JSON on its standard input.

    Its output goes to our standard error. Raises DeliveryError if it cannot be started, takes longer than a minute, or
    ends with a non-zero exit code.
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
            f"The command {command[0]} took more than {_TIMEOUT_SECONDS} seconds. It was stopped. Make it faster."
        ) from None
    except (OSError, ValueError) as error:
        raise DeliveryError(
            f"The command {command[0]} cannot be started ({type(error).__name__}). Give the full path of a program."
        ) from None
    if done.returncode:
        raise DeliveryError(
            f"The command {command[0]} ended with exit code {done.returncode}. Check its output."
        )
