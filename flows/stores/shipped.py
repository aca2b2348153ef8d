"""Files and folders shipped with the program."""

from pathlib import Path


def shipped(*parts: str) -> Path:
    """Return the path of a shipped file or folder, `sql/…` or `reference/…`.

    In a wheel they are under `flows/_shipped`, in a checkout at the top level and in `data`.
    """
    package = Path(__file__).parents[1]
    in_wheel = package / "_shipped"
    if in_wheel.exists():
        return in_wheel.joinpath(*parts)
    top = package.parent
    return top.joinpath("data", *parts) if parts[0] == "reference" else top.joinpath(*parts)
