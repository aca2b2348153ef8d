"""The emulator in a process of its own, so that it takes no time from the interpreter of who reads it.

As a process: serves the ledger of a folder, prints how to reach it as one line of JSON, and answers each line on
standard input with a line that holds what was asked since the last one. It ends with its standard input.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.emulator import serve
from tests.benchmarks.measure.child import ROOT
from tests.benchmarks.measure.ledgers import opened


@dataclass(frozen=True, slots=True)
class Served:
    """A running emulator and its only account."""

    base_url: str
    account_sid: str
    token: str
    process: "subprocess.Popen[str]"

    def asked(self) -> list[str]:
        """Path and query of each request since this was last called."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("asked\n")
        self.process.stdin.flush()
        targets: list[str] = json.loads(self.process.stdout.readline())
        return targets


@contextmanager
def emulator(folder: Path, latency_ms: int = 0) -> Iterator[Served]:
    """Serve the ledger of a folder for the block, each page so many milliseconds late."""
    command = [sys.executable, "-m", "tests.benchmarks.measure.emulated", str(folder), str(latency_ms)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"The emulator does not start: exit code {process.wait()}.")
            yield Served(**json.loads(line), process=process)
        finally:
            process.stdin.close()


def settings(served: Served, data_dir: Path, lanes: int) -> dict[str, str]:
    """Our settings, as environment variables."""
    return {
        "RECSPEND_BASE_URL": served.base_url,
        "RECSPEND_ACCOUNT_SID": served.account_sid,
        "RECSPEND_API_TOKEN": served.token,
        "RECSPEND_DATA_DIR": str(data_dir),
        "RECSPEND_CONCURRENCY": str(lanes),
    }


def main() -> None:
    """Serve the folder named first, with the latency named second, until standard input ends."""
    folder, latency_ms = Path(sys.argv[1]), int(sys.argv[2])
    with serve(opened(folder), latency_ms=latency_ms) as running:
        (account,) = running.accounts
        _tell({"base_url": running.base_url, "account_sid": account.account_sid, "token": account.api_token})
        for _ in sys.stdin:
            asked = list(running.request_log)
            running.request_log.clear()
            _tell([request.target for request in asked])


def _tell(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
