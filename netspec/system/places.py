"""Environment variables: folders of data and caches, whether the network may be used and reports are written."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.system.files import expanded

__all__ = ["cache_folder", "cache_root", "data_folder", "offline", "timings_folder", "writes_reports"]


def data_folder() -> Path | None:
    """Return the folder that NETSPEC_DATA names; netspec only ever reads there.

    Raises:
        DataError: when it begins with the name of a user that there is not.
    """
    value = os.environ.get("NETSPEC_DATA", "")
    return expanded(value, DataError) if value else None


def cache_root() -> Path:
    """Return the folder of all caches: NETSPEC_CACHE, or where this system keeps them.

    Raises:
        NetspecError: when it begins with the name of a user that there is not, or is no text.
    """
    value = os.environ.get("NETSPEC_CACHE", "")
    folder = expanded(value, NetspecError).absolute() if value else user_cache_path("netspec")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        # JAX hands the name on as a text, which halves of characters are not.
        name = os.fsencode(folder).decode(errors="replace")
        raise NetspecError(f"the folder for caches, {name}, is not named in UTF-8", "set NETSPEC_CACHE") from None
    return folder


def cache_folder() -> Path:
    """Return the folder for downloaded datasets."""
    return cache_root() / "data"


def timings_folder() -> Path:
    """Return the folder for what `--autotune` has measured."""
    return cache_root() / "autotune"


def offline() -> bool:
    """Return whether NETSPEC_OFFLINE forbids the network."""
    return os.environ.get("NETSPEC_OFFLINE", "").lower() not in ("", "0", "false", "no")


def writes_reports() -> bool:
    """Return whether a training writes a report at its end: unless NETSPEC_REPORT is off."""
    return os.environ.get("NETSPEC_REPORT", "").lower() not in ("off", "0", "false", "no")
