"""The other end of `processes.py`: do the pieces of work that come over a line, and answer."""

import logging
import os
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from flows.normalize.processes import Piece
from flows.normalize.without_pandas import begin_arrow

_Work = tuple[int, Piece[Any]]


def work(line: int) -> None:
    """Work until the other end of the line (a file descriptor) is closed."""
    begin_arrow()
    connection = Connection(line)
    answers = _Answers(connection)
    logging.getLogger("flows").addHandler(_Forwarded(answers))
    pieces: SimpleQueue[_Work] = SimpleQueue()
    Thread(target=_take, args=(connection, pieces), daemon=True).start()
    while True:
        level, piece = pieces.get()
        logging.getLogger("flows").setLevel(level)
        try:
            answers.send("done", piece(progress=answers.progress))
        except BaseException as error:
            error.add_note(traceback.format_exc())
            answers.send("failed", error)


class _Answers:
    """What is sent to the other process. Usable from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = Lock()

    def send(self, kind: str, content: object) -> None:
        """Send a message of a kind that the other end knows."""
        with self._sending:
            self._connection.send((kind, content))

    def progress(self, stage: str, done: int, total: int | None = None) -> None:
        """Report progress."""
        self.send("progress", (stage, done, total))


class _Forwarded(logging.Handler):
    """Has the other process log what this one logs."""

    def __init__(self, answers: _Answers) -> None:
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record as text."""
        self._answers.send("log", (record.name, record.levelno, record.getMessage()))


def _take(connection: Connection, pieces: "SimpleQueue[_Work]") -> None:
    """Take pieces of work. Without anyone who gives them, end at once, whatever is being done."""
    try:
        while True:
            pieces.put(connection.recv())
    finally:
        os._exit(0)
