"""What is said of an error that ends a command."""

import errno

from transforms.errors import RecspendError


def sentence_of(error: Exception) -> str:
    """Return what happened and what to do, without a traceback."""
    if isinstance(error, RecspendError):
        return str(error)
    if isinstance(error, IsADirectoryError):
        folder = error.filename2 or error.filename
        return f"{folder} is a folder, where a file belongs. Move it away, then run again."
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "the disk is full. Make room on it, then run again; everything fetched so far is kept."
        file = f"{error.filename}: " if error.filename else ""
        return (
            f"{file}{error.strerror or error}. Fix this, then run again; everything fetched so far is kept."
        )
    return f"something unexpected happened ({type(error).__name__}). Run again with --debug to see where."
