"""Bodies of pages, compressed: zstd frames that any zstd tool can read."""

import hashlib

import pyarrow as pa

_ZSTD = pa.Codec("zstd")


def digest_of(body: bytes) -> str:
    """Return the sha256 of a body, by which its page is known."""
    return hashlib.sha256(body).hexdigest()


def compress(body: bytes) -> bytes:
    """Compress a body into a zstd frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return bytes(sink.getvalue())


def decompress(frame: bytes | memoryview) -> bytes:
    """Decompress a frame.

    Raises:
        OSError: It is not a whole zstd frame.
    """
    with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
        return bytes(stream.read())


def is_of(frame: bytes | memoryview, sha256: str) -> bool:
    """Check whether a frame is that of the body with this digest."""
    try:
        return digest_of(decompress(frame)) == sha256
    except (OSError, pa.ArrowException):
        return False


def body_of(frame: bytes | memoryview, size: int, sha256: str) -> bytes | None:
    """Decompress the frame of a body with this size and digest; None if it is not that of this body."""
    try:
        body = bytes(_ZSTD.decompress(frame, size, asbytes=True))
    except (OSError, pa.ArrowException):
        return None
    return body if digest_of(body) == sha256 else None
