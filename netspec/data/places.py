"""Where data lies on this machine, and whether the network may be used: the three environment variables."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

__all__ = ["cache_folder", "given_folder", "offline", "timings_folder"]


def given_folder() -> Path | None:
    """Return the folder that NETSPEC_DATA names; netspec only ever reads there."""
    value = os.environ.get("NETSPEC_DATA", "")
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Return the folder for downloaded datasets: under NETSPEC_CACHE, or where this system keeps caches."""
    return _cache() / "data"


def timings_folder() -> Path:
    """Return the folder for what `--autotune` has measured: beside the datasets."""
    return _cache() / "autotune"


def _cache() -> Path:
    value = os.environ.get("NETSPEC_CACHE", "")
    return Path(value).expanduser() if value else user_cache_path("netspec")


def offline() -> bool:
    """Return whether NETSPEC_OFFLINE forbids the network."""
    return os.environ.get("NETSPEC_OFFLINE", "").lower() not in ("", "0", "false", "no")
