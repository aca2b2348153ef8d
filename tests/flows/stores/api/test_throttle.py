"""How many requests may be in flight together, depending on the responses."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from flows.stores.api.throttle import StoppedError, Throttle


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def refuse_together(throttle: Throttle, number: int) -> None:
    """Start this many requests together, and refuse all of them."""
    with ExitStack() as in_flight:
        for turn in [in_flight.enter_context(throttle.turn()) for _ in range(number)]:
            throttle.refused(turn)


def test_turn_waits_while_all_workers_are_busy() -> None:
    throttle, began = Throttle(2), threading.Event()

    def third() -> None:
        with throttle.turn():
            began.set()

    with throttle.turn():
        with throttle.turn():
            in_background(third)
            assert not began.wait(0.05)
        assert began.wait(5)


def test_refusals_of_concurrent_requests_halve_once() -> None:
    throttle = Throttle(8)
    refuse_together(throttle, 8)
    assert throttle.limit == 4
    refuse_together(throttle, 3)
    assert throttle.limit == 2


def test_limit_is_at_least_one() -> None:
    throttle = Throttle(3)
    for expected in (1, 1, 1):
        refuse_together(throttle, 1)
        assert throttle.limit == expected


def test_late_refusal_of_an_earlier_turn_does_not_halve_again() -> None:
    throttle = Throttle(8)
    with throttle.turn() as earlier:
        refuse_together(throttle, 2)
        throttle.refused(earlier)
    assert throttle.limit == 4


def test_limit_grows_back_slowly_one_by_one() -> None:
    throttle = Throttle(4)
    refuse_together(throttle, 4)
    limits = []
    for _ in range(5 * 2 + 5 * 3 + 100):
        throttle.answered()
        limits.append(throttle.limit)
    assert limits == [2] * 9 + [3] * 15 + [4] * 101


def test_refusal_restarts_the_count_of_responses() -> None:
    throttle = Throttle(2)
    refuse_together(throttle, 1)
    for _ in range(4):
        throttle.answered()
    refuse_together(throttle, 1)
    throttle.answered()
    assert throttle.limit == 1


def test_hold_delays_every_worker() -> None:
    throttle = Throttle(2)
    throttle.hold(0.1)
    throttle.hold(0.01)  # a shorter hold does not end the longer one
    began = time.monotonic()
    with throttle.turn():
        assert time.monotonic() - began >= 0.1


def test_stop_ends_all_waiting() -> None:
    throttle = Throttle(1)
    stopped: list[str] = []

    def waits(name: str, wait: Callable[[], object]) -> Callable[[], None]:
        def work() -> None:
            with pytest.raises(StoppedError):
                wait()
            stopped.append(name)

        return work

    with throttle.turn():
        threads = [
            in_background(waits("turn", lambda: throttle.turn().__enter__())),
            in_background(waits("pause", lambda: throttle.pause(60))),
        ]
        time.sleep(0.02)
        throttle.stop()
        for thread in threads:
            thread.join(5)
    assert sorted(stopped) == ["pause", "turn"]
    with pytest.raises(StoppedError), throttle.turn():
        pass


def test_stop_ends_a_hold() -> None:
    throttle = Throttle(1)
    throttle.hold(60)
    threading.Timer(0.02, throttle.stop).start()
    with pytest.raises(StoppedError), throttle.turn():
        pass
