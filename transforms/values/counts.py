"""Say how many there are of something."""


def counted(number: int, one: str, many: str) -> str:
    """Return a number with the words that fit it: `1 day was`, `1,200 days were`."""
    return f"{number:,} {one if number == 1 else many}"
