"""Packages that only some sources need."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from accelsim.errors import InputError


def installed(package: str, extra: str) -> str:
    """Return the version of `package`, without importing it. Raises InputError with what to install when it is absent.

    extra: the extra of accelsim that brings it.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        raise InputError(f"the package {package} is not installed", f"pip install 'accelsim[{extra}]'") from None
