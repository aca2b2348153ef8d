"""Processes that work for this one, each on another core: they call functions, and log and report progress here.

They are started with `worker.py`, share nothing with this process, and end when it does, however it ends.
"""

import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from multiprocessing import Pipe
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from flows.stage import Progress, silent
from transforms.errors import ConfigError

T_co = TypeVar("T_co", covariant=True)

_HERE = str(Path(__file__).parents[2])
# Nothing of the working folder may replace a module, and our packages are those of this process.
_START = (
    "import sys; line, *sys.path[:] = sys.argv[1:]; from flows.normalize.worker import work; work(int(line))"
)


class Piece(Protocol[T_co]):
    """A piece of work: a function of a module, with what it is given, so that it can be sent to another process."""

    def __call__(self, *, progress: Progress) -> T_co:
        """Do it."""


class Processes:
    """A number of processes, started when they are needed. A context manager that leaves none."""

    def __init__(self, number: int) -> None:
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="process")
        self._idle: LifoQueue[_Process | None] = LifoQueue()
        for _ in range(number):
            self._idle.put(None)
        self._started: list[_Process] = []
        self._starting = Lock()
        self._are_ending = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._starting:
            self._are_ending = True
            for process in self._started:
                process.end()
        self._threads.shutdown(cancel_futures=True)

    def submit(self, piece: Piece[T_co], progress: Progress = silent) -> Future[T_co]:
        """Have a piece of work done. What it raises is raised by the result, and progress is called in a thread."""
        # Each thread has a copy of the context: by it Prefect finds the run that a log line belongs to.
        return self._threads.submit(copy_context().run, self._done, piece, progress)

    def _done(self, piece: Piece[T_co], progress: Progress) -> T_co:
        process = self._idle.get()
        try:
            process = process or self._start()
            return process.do(piece, progress)
        finally:
            self._idle.put(process)

    def _start(self) -> "_Process":
        with self._starting:
            if self._are_ending:
                raise EOFError
            process = _Process()
            self._started.append(process)
        return process


class _Process:
    """One process. It has its own session, so that Ctrl-C ends it through this process only."""

    def __init__(self) -> None:
        self._line, end = Pipe()
        with end:
            self._process = subprocess.Popen(  # noqa: S603 - our own code
                [sys.executable, "-P", "-c", _START, str(end.fileno()), _HERE, *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # standard output has results only
                pass_fds=[end.fileno()],
                start_new_session=True,
            )

    def do(self, piece: Piece[T_co], progress: Progress) -> T_co:
        """Send a piece of work, and wait for its result.

        Raises what the piece raises, and ConfigError if the process ends meanwhile.
        """
        level = logging.getLogger("flows").getEffectiveLevel()
        try:
            self._line.send((level, piece))
            while True:
                kind, content = self._line.recv()
                if kind == "done":
                    return content  # type: ignore[no-any-return]
                _REACTIONS[kind](content, progress)
        except (EOFError, ConnectionError):
            code = self._process.wait()
            raise ConfigError(
                f"A process of this run ended with {code}. If memory was short, run it again with fewer `workers`."
            ) from None

    def end(self) -> None:
        """End the process, whatever it does: what it has not committed does not count."""
        self._process.kill()
        self._process.wait()


def _log(content: tuple[str, int, str], progress: Progress) -> None:
    name, level, message = content
    logging.getLogger(name).log(level, "%s", message)


def _raise(error: BaseException, progress: Progress) -> None:
    raise error


_REACTIONS: dict[str, Callable[[Any, Progress], None]] = {
    "log": _log,
    "progress": lambda content, progress: progress(*content),
    "failed": _raise,
}
