"""Nothing from outside acts on what shows the log of a flow run: the terminal of a worker, the UI of the server."""

import io
import logging
from collections.abc import Iterator

import pytest

from flows.pipeline.visible_logs import make_logs_visible
from tests.support.samples.attacks import ATTACK, acting
from transforms.values.visible import visible

LOGGERS = ("flows.of_a_test", "prefect.of_a_test", "other.of_a_test")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a handler that knows nothing of escapes shows of every record."""
    before, shown = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(shown)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    make_logs_visible()
    yield shown
    for logger in loggers:
        logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize("logger", LOGGERS[:2])
def test_log_record_is_escaped(logger: str, log: io.StringIO) -> None:
    logging.getLogger(logger).warning("%s says %s", ATTACK, 7)
    assert log.getvalue() == f"{visible(ATTACK)} says 7\n"


def fail() -> None:
    raise ValueError(ATTACK)


def test_traceback_is_escaped_and_keeps_its_lines(log: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger(LOGGERS[1]).exception("It failed.")
    assert acting(log.getvalue()) == set()
    assert visible(ATTACK) in log.getvalue()
    assert len(log.getvalue().splitlines()) > 3


def test_ours_is_one_line_and_prefects_may_be_several(log: io.StringIO) -> None:
    for logger in LOGGERS[:2]:
        logging.getLogger(logger).warning("one\ntwo")
    assert log.getvalue() == "one\\u000atwo\none\ntwo\n"


def test_records_of_other_programs_stay(log: io.StringIO) -> None:
    make_logs_visible()
    logging.getLogger(LOGGERS[2]).warning("%s", "\x1b[31mred")
    assert log.getvalue() == "\x1b[31mred\n"
