"""Files of data folders that mirror a bucket."""

from pathlib import Path


def put(data_dir: Path, name: str, content: str) -> Path:
    """Write a file, by its path in a data folder."""
    path = data_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def contents(data_dir: Path) -> dict[str, str]:
    """Return the files that a data folder mirrors, by their path there."""
    return {
        path.relative_to(data_dir).as_posix(): path.read_text("latin-1")
        for path in sorted(data_dir.rglob("*"))
        if path.is_file() and not path.relative_to(data_dir).parts[0].startswith(".")
    }
