"""Files and folders that are shipped with the program."""

from pathlib import Path


def shipped(*parts: str) -> Path:
    """A file or folder that travels with the program: `sql/…` or `reference/…`.

    In a checkout these stand at the top level, in a wheel under `flows/_shipped`.
    """
    package = Path(__file__).parents[1]
    in_wheel = package / "_shipped"
    if in_wheel.exists():
        return in_wheel.joinpath(*parts)
    top = package.parent
    return top.joinpath("data", *parts) if parts[0] == "reference" else top.joinpath(*parts)
