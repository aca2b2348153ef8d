"""How many requests are under way together, after which answers."""

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
    """So many requests under way together, all of them refused."""
    with ExitStack() as under_way:
        for turn in [under_way.enter_context(throttle.turn()) for _ in range(number)]:
            throttle.refused(turn)


def test_no_more_requests_are_under_way_than_there_are_lanes() -> None:
    throttle, began = Throttle(2), threading.Event()

    def third() -> None:
        with throttle.turn():
            began.set()

    with throttle.turn():
        with throttle.turn():
            in_background(third)
            assert not began.wait(0.05)
        assert began.wait(5)


def test_refusals_of_requests_that_were_under_way_together_halve_once() -> None:
    throttle = Throttle(8)
    refuse_together(throttle, 8)
    assert throttle.limit == 4
    refuse_together(throttle, 3)
    assert throttle.limit == 2


def test_one_lane_is_always_left() -> None:
    throttle = Throttle(3)
    for expected in (1, 1, 1):
        refuse_together(throttle, 1)
        assert throttle.limit == expected


def test_a_late_refusal_of_an_earlier_turn_does_not_halve_again() -> None:
    throttle = Throttle(8)
    with throttle.turn() as earlier:
        refuse_together(throttle, 2)
        throttle.refused(earlier)
    assert throttle.limit == 4


def test_the_lanes_grow_back_one_by_one_and_slowly() -> None:
    throttle = Throttle(4)
    refuse_together(throttle, 4)
    limits = []
    for _ in range(5 * 2 + 5 * 3 + 100):
        throttle.answered()
        limits.append(throttle.limit)
    assert limits == [2] * 9 + [3] * 15 + [4] * 101


def test_a_refusal_counts_the_answers_anew() -> None:
    throttle = Throttle(2)
    refuse_together(throttle, 1)
    for _ in range(4):
        throttle.answered()
    refuse_together(throttle, 1)
    throttle.answered()
    assert throttle.limit == 1


def test_what_the_api_asks_to_wait_holds_every_lane() -> None:
    throttle = Throttle(2)
    throttle.hold(0.1)
    throttle.hold(0.01)  # a shorter one does not let go earlier
    began = time.monotonic()
    with throttle.turn():
        assert time.monotonic() - began >= 0.1


def test_stopping_ends_all_waiting() -> None:
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


def test_stopping_ends_a_hold() -> None:
    throttle = Throttle(1)
    throttle.hold(60)
    threading.Timer(0.02, throttle.stop).start()
    with pytest.raises(StoppedError), throttle.turn():
        pass
