"""A cache of compiled programs between processes, in a folder of the user's own. Only the command line turns it on.

An entry is machine code that a later process runs, so the folder must be one that nobody else can write to.
"""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import re
import stat
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.system.places import cache_root

__all__ = ["OFF", "CompileCache", "compile_cache", "mend", "turn_on"]

OFF = "NETSPEC_COMPILE_CACHE"
"""The environment variable that turns the cache off: `off`, `no`, `false` or `0`."""


@dataclass(frozen=True)
class CompileCache:
    """Where compiled programs are kept.

    Attributes:
        folder: of this machine's kind of processor; it need not be there yet.
        reason: why it is not used; empty where it is.
        notable: whether the user did not ask for that, and should hear of it.
    """

    folder: Path
    reason: str = ""
    notable: bool = False

    def size(self) -> tuple[int, int]:
        """Return how many programs there are, and their bytes in all."""
        files = [f for f in self.folder.glob("*-cache") if f.is_file()] if self.folder.is_dir() else []
        return len(files), sum(f.stat().st_size for f in files)


def compile_cache() -> CompileCache:
    """Return where compiled programs are kept, and whether they are; nothing is made or changed."""
    root = cache_root() / "compiled"
    folder = root / _processor()
    if os.environ.get(OFF, "").lower() in {"off", "no", "false", "0"}:
        return CompileCache(folder, f"{OFF} turns it off")
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return CompileCache(folder, "JAX_COMPILATION_CACHE_DIR names another")
    for path in (folder, *folder.parents):
        wrong = _unsafe(path, own=path in {folder, root})
        if wrong:
            return CompileCache(folder, wrong, notable=True)
    return CompileCache(folder)


def turn_on() -> CompileCache:
    """Let JAX keep compiled programs, if the folder is safe. For programs of ours: it changes JAX's global settings."""
    found = compile_cache()
    if found.reason:
        return found
    try:
        for folder in (found.folder.parent, found.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return CompileCache(found.folder, f"{found.folder} cannot be made: {error.strerror}", notable=True)
    # Somebody may have been faster.
    found = compile_cache()
    if not found.reason:
        import jax  # noqa: PLC0415

        jax.config.update("jax_compilation_cache_dir", str(found.folder))  # type: ignore[no-untyped-call]
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)  # type: ignore[no-untyped-call]
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)  # type: ignore[no-untyped-call]
    return found


_TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry for '([^'/]+)': (.*)", re.DOTALL)
"""What JAX warns of: a program it could not read or write, by name, and why."""


def mend(cache: CompileCache, not_kept: Callable[[str], None]) -> None:
    """From now on, remove kept programs that cannot be read: they are compiled and kept again.

    A process killed while it wrote one, or a full disk, leaves a piece of it, and JAX would warn of that in every later
    process. The warning tells the program's name only, so all that are kept under it go. For programs of ours: it
    changes how this process shows warnings.

    Args:
        cache: where they are kept.
        not_kept: called with the reason, once, when one cannot be written.
    """
    show, told = warnings.showwarning, False

    def mended(message: Warning | str, *where: Any, **more: Any) -> None:
        nonlocal told
        trouble = _TROUBLE.match(str(message))
        if trouble is None:
            show(message, *where, **more)
        elif trouble[1] == "reading":
            for kept in cache.folder.glob(f"{glob.escape(trouble[2])}-*"):
                with suppress(OSError):
                    kept.unlink()
        elif not told:
            told = True
            not_kept(trouble[3])

    warnings.showwarning = mended


def _unsafe(path: Path, *, own: bool) -> str:
    """Return why others could change what is in a folder; empty where they cannot, or where it is not there."""
    if not hasattr(os, "getuid"):
        return ""
    try:
        found = path.lstat() if own else path.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{path} is no folder"
    if found.st_uid not in ({os.getuid()} if own else {os.getuid(), 0}):
        return f"{path} belongs to another user"
    # Where the sticky bit is set, as in /tmp, nobody can move the folders of others.
    writable = 0o022 if own else 0 if found.st_mode & stat.S_ISVTX else 0o002
    return f"others can write to {path}" if found.st_mode & writable else ""


def _processor() -> str:
    """Return a name for this kind of processor: code compiled for one may not run on another that shares the folder."""
    text = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        text += "".join(next((line for line in lines if line.startswith(k)), "") for k in ("model name", "flags"))
    except OSError:
        pass
    return hashlib.sha256(text.encode()).hexdigest()[:12]
