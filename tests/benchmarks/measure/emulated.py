"""Run the emulator in its own process, so that it doesn't take interpreter time from its client.

The process serves the ledger of a folder and prints how to access it as one line of JSON. It answers each line on
standard input with one line that contains the requests since the last one. It exits when standard input ends.
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
from tests.benchmarks.measure.ledgers import open_rendered


@dataclass(frozen=True, slots=True)
class Served:
    """A running emulator, its first account, and the sid and token of each account."""

    base_url: str
    account_sid: str
    token: str
    accounts: list[tuple[str, str]]
    process: "subprocess.Popen[str]"

    def new_requests(self) -> list[str]:
        """Return path and query of each request since the last call."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("requests\n")
        self.process.stdin.flush()
        targets: list[str] = json.loads(self.process.stdout.readline())
        return targets


@contextmanager
def emulator(folder: Path, latency_ms: int = 0) -> Iterator[Served]:
    """Serve the ledger of a folder for the block, and delay each page by `latency_ms`."""
    command = [sys.executable, "-m", "tests.benchmarks.measure.emulated", str(folder), str(latency_ms)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"The emulator did not start: exit code {process.wait()}.")
            yield Served(**json.loads(line), process=process)
        finally:
            process.stdin.close()


def settings(served: Served, data_dir: Path, concurrency: int) -> dict[str, str]:
    """Return the settings of recspend as environment variables."""
    return {
        "RECSPEND_BASE_URL": served.base_url,
        "RECSPEND_ACCOUNT_SID": served.account_sid,
        "RECSPEND_API_TOKEN": served.token,
        "RECSPEND_DATA_DIR": str(data_dir),
        "RECSPEND_CONCURRENCY": str(concurrency),
    }


def main() -> None:
    """Serve until standard input ends. `argv`: folder, latency in milliseconds."""
    folder, latency_ms = Path(sys.argv[1]), int(sys.argv[2])
    with serve(open_rendered(folder), latency_ms=latency_ms) as running:
        accounts = [(account.account_sid, account.api_token) for account in running.accounts]
        sid, token = accounts[0]
        _print_line({"base_url": running.base_url, "account_sid": sid, "token": token, "accounts": accounts})
        for _ in sys.stdin:
            requests = list(running.request_log)
            running.request_log.clear()
            _print_line([request.target for request in requests])


def _print_line(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
