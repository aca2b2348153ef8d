"""Measure how fast the command starts, compared with bare Python and with importing Prefect, which it avoids."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median

from tests.benchmarks.measure.command import RECSPEND, run
from tests.benchmarks.measure.progress import Say

GOAL = 0.5
"""`recspend --help` must take less than this share of the time of `import prefect`."""
COMMANDS: Mapping[str, Sequence[str]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "recspend --version": (RECSPEND, "--version"),
    "recspend --help": (RECSPEND, "--help"),
    'python -c "import prefect"': (sys.executable, "-c", "import prefect"),
}


def start_ups(rounds: int, say: Say) -> Mapping[str, Sequence[float]]:
    """Measure the seconds of each command, in turns, after one round that only warms the disk caches."""
    seconds: dict[str, list[float]] = {words: [] for words in COMMANDS}
    for number in range(rounds + 1):
        for words, command in COMMANDS.items():
            took = run(command).seconds
            if number:
                seconds[words].append(took)
    say(f"start-up: {_share(seconds):.2f} of the time of import prefect")
    return seconds


def section(seconds: Mapping[str, Sequence[float]]) -> str:
    """Return the section with the table and the goal."""
    share = _share(seconds)
    rows = [
        f"| `{words}` | {median(took):.2f} ({min(took):.2f} to {max(took):.2f}) |"
        for words, took in seconds.items()
    ]
    return "\n".join(
        [
            "## Start-up",
            "",
            f"Each command as a process, from start to exit; {len(seconds['recspend --help'])} rounds in turns.",
            "",
            "| command | wall s |",
            "|---|--:|",
            *rows,
            "",
            f"`recspend --help` takes {share:.2f} of the time of `import prefect`; goal: less than {GOAL}, "
            f"{'reached' if share < GOAL else 'not reached'}.",
            "",
        ]
    )


def _share(seconds: Mapping[str, Sequence[float]]) -> float:
    return median(seconds["recspend --help"]) / median(seconds['python -c "import prefect"'])
