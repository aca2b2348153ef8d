from types import SimpleNamespace

import pytest

from flows.stores import waiting
from flows.stores.waiting import retried
from transforms.errors import BusyError, ConfigError


class World:
    """A clock that only sleeping moves, and something that is busy until then."""

    def __init__(self, free_at: float) -> None:
        self.now, self.free_at, self.slept = 0.0, free_at, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def attempt(self) -> str:
        if self.now < self.free_at:
            raise BusyError(f"busy at {self.now}")
        return "done"


def world(monkeypatch: pytest.MonkeyPatch, free_at: float) -> World:
    made = World(free_at)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=made.sleep))
    return made


@pytest.mark.parametrize(
    ("free_at", "seconds", "pauses"), [(0, 0, 0), (0, 60, 0), (5, 60, 1), (11, 60, 3), (60, 60, 12)]
)
def test_retried_returns_the_first_result(
    free_at: float, seconds: float, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = world(monkeypatch, free_at)
    assert retried(outside.attempt, BusyError, seconds, 5) == "done"
    assert outside.slept == [5] * pauses


@pytest.mark.parametrize(("seconds", "pauses"), [(0, 0), (4, 1), (60, 12)])
def test_retried_raises_the_last_error(seconds: float, pauses: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = world(monkeypatch, 61)
    with pytest.raises(BusyError, match=f"^busy at {5.0 * pauses}$"):
        retried(outside.attempt, BusyError, seconds, 5)
    assert outside.slept == [5] * pauses


def test_retried_does_not_repeat_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = world(monkeypatch, 0)

    def wrong() -> None:
        raise ConfigError("wrong")

    with pytest.raises(ConfigError):
        retried(wrong, BusyError, 60, 5)
    assert outside.slept == []
