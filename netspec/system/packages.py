"""The versions of the packages that are installed, each looked up once."""

from __future__ import annotations

from functools import cache

__all__ = ["installed_version"]


@cache
def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None where there is none.

    Looking one up reads and parses its metadata, some milliseconds each, and a training asks for all.
    """
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version(package)
    except PackageNotFoundError:
        return None
