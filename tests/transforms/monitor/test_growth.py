from datetime import date, timedelta

from transforms.monitor.growth import Growth, growth

TODAY = date(2026, 9, 14)


def test_growth_of_raw_pages_is_measured_since_the_first_day() -> None:
    landed = {TODAY - timedelta(days=4): 90_000, TODAY - timedelta(days=2): 300, TODAY: 100}
    # 400 bytes of pages in four days; 50 bytes built from each of ten recordings a day.
    assert growth(landed, 5_000, 100, 10, TODAY) == Growth(100 + 500, 4)


def test_growth_uses_only_the_last_four_weeks() -> None:
    landed = {
        TODAY - timedelta(days=100): 1,
        TODAY - timedelta(days=28): 7_000,
        TODAY - timedelta(days=27): 280,
    }
    assert growth(landed, 0, 100, 10, TODAY) == Growth(10, 28)


def test_growth_on_the_first_day_counts_each_recording_once() -> None:
    assert growth({TODAY: 2_000}, 1_000, 100, 10, TODAY) == Growth(300, 0)


def test_growth_of_an_empty_folder_is_unknown() -> None:
    assert growth({}, 1_000, 100, 10, TODAY) is None
    assert growth({TODAY: 10}, 1_000, 0, 0, TODAY) is None
