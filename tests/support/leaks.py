"""Searching for a token in everything that a run leaves, and an API that tries to leak it."""

import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flows.emulator import Source
from flows.emulator.http.messages import HttpRequest, Response
from flows.stores.raw.frames import decompress

_PICKLED = b"gA"
_ZSTD_MAGIC = bytes.fromhex("28b52ffd")
"""The start of a pickle in Base64, the format in which Prefect stores results."""


def forms_of(user: str, token: str) -> list[bytes]:
    """Return the forms in which a token could appear: plain, in a URL, and in HTTP Basic."""
    basic = [b64encode(text.encode()).rstrip(b"=") for text in (f"{user}:{token}", token)]
    return [token.encode(), quote(token, safe="").encode(), *basic]


def leaks(forms: list[bytes], texts: Mapping[str, str], *folders: Path) -> list[str]:
    """Return the names of the texts and files that contain any of the forms. Fails if there is nothing to search."""
    everything = {name: text.encode() for name, text in texts.items()}
    for folder in folders:
        within = {f"{path}{part}": content for path, part, content in _contents(folder)}
        assert within, f"there is nothing in {folder}"
        everything |= within
    return [name for name, content in everything.items() if any(form in content for form in forms)]


def _contents(folder: Path) -> Iterator[tuple[Path, str, bytes]]:
    """Return the bytes of every file, and for compressed files the content as well."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield path, "", path.name.encode() + b"\n" + content
        if path.suffix == ".zst":
            yield path, " unpacked", decompress(content)
        elif path.suffix == ".arrow":
            yield path, " unpacked", _packed(path)
        elif path.suffix == ".parquet":
            yield path, " rows", repr(pq.read_table(path).to_pylist()).encode()
        elif path.suffix == ".duckdb":
            yield path, " rows", _rows_of_duckdb(path).encode()
        elif content.startswith(_PICKLED):
            yield path, " decoded", b64decode(content)
        elif content.startswith(b"SQLite format 3\0"):
            # The file stores a long text in several parts; a query returns it in one piece.
            yield path, " rows", _rows_of_sqlite(path).encode()


def _packed(path: Path) -> bytes:
    """Return the pages and the journal of a pack."""
    table = pa.ipc.open_file(path).read_all()
    frames = [*table["page"].to_pylist(), *dict(table.schema.metadata or {}).values()]
    return b"\n".join(decompress(frame) if frame[:4] == _ZSTD_MAGIC else frame for frame in frames)


def _rows_of_duckdb(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as warehouse:
        tables = warehouse.sql(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        ).fetchall()
        return "\n".join(repr(warehouse.sql(f"from {table}").fetchall()) for (table,) in tables)


def _rows_of_sqlite(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump())


def repeated_credentials(request: HttpRequest) -> str:
    """Return what a careless API could repeat: the header as received, and its content."""
    user, token = request.credentials() or ("", "")
    return f"{request.authorization} is {user}:{token}, so ask https://{user}:{quote(token, safe='')}@example.com"


def loose_tongued(source: Source) -> Source:
    """A source that answers two of three requests with an error that repeats the credentials everywhere."""
    turns = count()

    def answer(request: HttpRequest) -> Response:
        said = repeated_credentials(request)
        body = (json.dumps({"code": 20500, "message": said}).encode(),)
        headers = {"X-Asked-By": said, "Location": said, "WWW-Authenticate": said, "Retry-After": said}
        match next(turns) % 6:
            case 0:
                return Response(500, body, headers)
            case 2:
                return Response(503, (said.encode(),), headers, content_type="text/html")
            case 3:
                return Response(429, body, headers)
            case 5:
                return Response(200, body, headers, breaks="within")
            case _:
                return source.answer(request)

    return replace(source, answer=answer)
