"""Paths as users write them: `~` written out, what no file can be called refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

from accelsim.errors import InputError, shortened

_LONGEST_NAME, _LONGEST = 255, 4095


def user_path(text: str) -> Path:
    """Return the path that `text` names. Raises InputError for one that no file can have.

    >>> user_path("a/b.yaml")
    PosixPath('a/b.yaml')
    """
    try:
        parts = os.fsencode(text).split(b"/")
        path = Path(text).expanduser()
    except UnicodeEncodeError:
        raise InputError(f"{shortened(text)!r} is no path: it holds half of a letter (a surrogate)") from None
    except RuntimeError:
        raise InputError(f"{shortened(text)!r}: there is no home folder of that name") from None
    if "\0" in text:
        raise InputError(f"{shortened(text)!r} is no path: it holds a zero byte")
    if max(map(len, parts)) > _LONGEST_NAME or len(os.fsencode(path)) > _LONGEST:
        raise InputError(f"{shortened(text)!r} is no path: it is too long")
    return path
