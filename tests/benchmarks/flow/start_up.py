"""How long the command takes to answer, beside Python by itself and beside what it does not load for that."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median

from tests.benchmarks.measure.command import RECSPEND, run
from tests.benchmarks.measure.progress import Say

GOAL = 0.5
"""`recspend --help` takes less than this share of the time that `import prefect` takes."""
COMMANDS: Mapping[str, Sequence[str]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "recspend --version": (RECSPEND, "--version"),
    "recspend --help": (RECSPEND, "--help"),
    'python -c "import prefect"': (sys.executable, "-c", "import prefect"),
}


def start_ups(rounds: int, say: Say) -> Mapping[str, Sequence[float]]:
    """Seconds of each command, in turns, after a round that only warms the caches of the disk."""
    seconds: dict[str, list[float]] = {words: [] for words in COMMANDS}
    for number in range(rounds + 1):
        for words, command in COMMANDS.items():
            took = run(command).seconds
            if number:
                seconds[words].append(took)
    say(f"start-up: {_share(seconds):.2f} of the time of import prefect")
    return seconds


def section(seconds: Mapping[str, Sequence[float]]) -> str:
    """The table and the goal."""
    share = _share(seconds)
    rows = [
        f"| `{words}` | {median(took):.2f} ({min(took):.2f} to {max(took):.2f}) |"
        for words, took in seconds.items()
    ]
    return "\n".join(
        [
            "## Start-up",
            "",
            f"Each command as a process from its start to its exit, {len(seconds['recspend --help'])} rounds in turns.",
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
