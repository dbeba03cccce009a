"""Process environment: variables that others set, memory limits, a folder that is gone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from netspec.cli.output import say
from netspec.diagnostics.diagnostic import NetspecError

__all__ = ["clean_variables", "explain", "set_thread_count"]

_OWN = "netspec looks for numbers that are not finite itself, and names the layer they come from"
_STRICT = "it is for those who write JAX programs"

_UNUSED = {
    "JAX_DEBUG_NANS": _OWN,
    "JAX_DEBUG_INFS": _OWN,
    "JAX_DISABLE_JIT": "netspec trains and answers with compiled programs",
    "JAX_TRANSFER_GUARD": _STRICT,
    "JAX_TRANSFER_GUARD_HOST_TO_DEVICE": _STRICT,
    "JAX_TRANSFER_GUARD_DEVICE_TO_DEVICE": _STRICT,
    "JAX_TRANSFER_GUARD_DEVICE_TO_HOST": _STRICT,
    "JAX_NUMPY_RANK_PROMOTION": _STRICT,
    "JAX_NUMPY_DTYPE_PROMOTION": _STRICT,
}
"""What JAX would stop for although nothing is wrong, and why the command line does without."""

_OFF = {"", "0", "false", "off", "no", "n", "f", "allow", "standard"}


def clean_variables() -> None:
    """Remove variables that would stop a right command, before the libraries that read them are imported."""
    for name in ("COLUMNS", "LINES"):
        # A width of 0, which some programs hand on, would show nothing at all.
        if not _positive(os.environ.get(name, "1")):
            del os.environ[name]
    # No window is ever opened, and matplotlib is not imported where it does not know the name.
    os.environ.pop("MPLBACKEND", None)
    for name, why in _UNUSED.items():
        if os.environ.get(name, "").lower() not in _OFF:
            del os.environ[name]
            if "jax" not in sys.modules and len(sys.argv) > 1 and sys.argv[1] in _COMPUTING:
                say(f"note: {name} is left out: {why}", error=True)


_COMPUTING = {"train", "resume", "replay", "eval", "predict", "generate", "bench"}
_COMPUTING |= {"plot", "report", "export", "import", "doctor", "serve"}


def set_thread_count(least: int) -> None:
    """Let XLA have a number of threads, and one for each core at least; called before JAX is imported.

    Fewer threads than devices wait for each other forever.
    """
    threads = max(least, os.cpu_count() or 1)
    given = os.environ.get("NPROC", "")
    # What is no number XLA passes over, too.
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 7 else 0
    os.environ["NPROC"] = str(max(threads, number))


def _positive(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text[:9]) > 0


def explain(error: Exception) -> NetspecError | None:
    """Return the error of the environment behind an exception; None where it has another cause."""
    if isinstance(error, MemoryError):
        return NetspecError("the memory that this process may have does not suffice", _more_memory())
    if isinstance(error, ImportError) and any(sign in str(error) for sign in _NOT_LOADED):
        return NetspecError(f"a library cannot be loaded: {error}", f"reinstall it, or {_more_memory()}")
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        fix = "close other programs" if _WINDOWS else "`ulimit -u` says how many"
        return NetspecError("this process may have no more threads, or memory for them", fix)
    if isinstance(error, FileNotFoundError) and not _here():
        return NetspecError("the folder that this command was started in is not there any more", "cd to another one")
    # Few commands end here.
    from traceback import walk_tb  # noqa: PLC0415

    frames = [frame.f_code.co_filename.replace("\\", "/") for frame, _ in walk_tb(error.__traceback__)]
    if isinstance(error, ValueError) and any(name.endswith("jax/_src/config.py") for name in frames):
        listed = "set JAX" if _WINDOWS else "env | grep JAX"
        return NetspecError(f"JAX cannot take a variable of the environment: {error}", f"unset it: `{listed}`")
    return None


_WINDOWS = os.name == "nt"
"""It has no limits for a process that a shell could say."""


def _more_memory() -> str:
    return "close other programs" if _WINDOWS else "let it have more: `ulimit -v` says how many KiB it may"


_NOT_LOADED = ("failed to map segment", "annot allocate memory", "initializing the extension")


def _here() -> bool:
    try:
        return Path.cwd().exists()
    except OSError:
        return False
