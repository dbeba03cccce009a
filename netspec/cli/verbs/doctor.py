"""`netspec doctor`: versions, devices, datasets and caches, for a bug report or a first look at a machine."""

from __future__ import annotations

import os
import platform
from typing import Annotated

import typer

from netspec.cli.output import bytes_text, say
from netspec.diagnostics.diagnostic import NetspecError, plural

__all__ = ["doctor"]

_PACKAGES = (
    "jax",
    "jaxlib",
    "optax",
    "numpy",
    "pydantic",
    "lark",
    "safetensors",
    "pillow",
    "matplotlib",
    "typer",
    "rich",
)


def doctor(
    forget: Annotated[
        bool, typer.Option("--forget-timings", help="Remove what autotuning has measured, and do nothing else.")
    ] = False,
) -> int:
    """Print versions, devices, where datasets and caches are, and a small computation done right."""
    if forget:
        _forget()
        return 0
    from netspec import __version__  # noqa: PLC0415
    from netspec.backends.timings import count  # noqa: PLC0415
    from netspec.data import locate  # noqa: PLC0415
    from netspec.recipe.catalog import DATASETS  # noqa: PLC0415
    from netspec.system.packages import installed_version  # noqa: PLC0415
    from netspec.system.places import cache_folder, timings_folder  # noqa: PLC0415
    from netspec.system.resources import specs_folder  # noqa: PLC0415

    say(f"netspec {__version__}, Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores")
    say("packages:  " + ", ".join(f"{name} {installed_version(name) or 'missing'}" for name in _PACKAGES))
    say(f"specs:     {specs_folder()}")
    say(f"cache:     {cache_folder()} (NETSPEC_CACHE moves it)")
    say(f"timings:   {timings_folder()} ({plural(count(timings_folder()), 'operation')}; --forget-timings)")
    say(f"compiled:  {_compiled()}")
    say(f"pictures:  {_pictures()}")
    say(f"reports:   {_reports()}")
    say(f"data:      NETSPEC_DATA is {os.environ.get('NETSPEC_DATA') or 'not set'}")
    for info in DATASETS:
        say(f"  {info.name:<17} {locate(info.name) or 'not here'}")
    _devices()
    return 0


def _forget() -> None:
    """Remove the measured times, and say how many there were."""
    from netspec.backends.timings import clear  # noqa: PLC0415
    from netspec.system.places import timings_folder  # noqa: PLC0415

    folder = timings_folder()
    try:
        number = clear(folder)
    except OSError as error:
        raise NetspecError(f"{folder} cannot be emptied: {error.strerror}") from None
    say(f"the times of {plural(number, 'operation')} are forgotten: {folder}")


def _compiled() -> str:
    """Return where compiled programs are kept, how many, and how to be rid of them."""
    from netspec.backends.jax.compile_cache import OFF, compile_cache  # noqa: PLC0415

    found = compile_cache()
    if found.reason:
        return f"not kept: {found.reason}"
    count, size = found.size()
    kept = f"{plural(count, 'program')}, {bytes_text(size)}, in {found.folder}"
    return f"{kept} (delete it to clear; {OFF}=off turns it off)"


def _reports() -> str:
    """Return whether trainings write reports, and how that is turned off."""
    from netspec.system.places import writes_reports  # noqa: PLC0415

    written = "each training writes one into its run folder (NETSPEC_REPORT=off turns it off)"
    return written if writes_reports() else "not written: NETSPEC_REPORT turns them off"


def _pictures() -> str:
    """Return where decoded pictures are kept, how many bytes, and how to be rid of them."""
    from netspec.data.files.picture_cache import OFF, cache_limit, cached_bytes, pictures_folder  # noqa: PLC0415

    limit = cache_limit()
    if not limit:
        return f"not kept: {OFF} turns it off"
    count, size = cached_bytes()
    kept = f"{plural(count, 'set')} of decoded pictures, {bytes_text(size)} of at most {bytes_text(limit)}"
    return f"{kept}, in {pictures_folder()} (delete it to clear; {OFF}=off turns it off)"


def _devices() -> None:
    import numpy as np  # noqa: PLC0415

    import netspec as ns  # noqa: PLC0415
    from netspec.backends.jax.devices import available  # noqa: PLC0415

    say("devices:   " + ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in available()))
    model = ns.compile(ns.parse("input 1x6x6\nconv 2 3x3 relu; pool 2\nfc 3 softmax"))
    total = float(np.asarray(model.forward(model.init(), np.zeros((1, 1, 6, 6), np.float32))).sum())
    verdict = "works" if abs(total - 1) < 1e-5 else f"WRONG: probabilities add up to {total}"
    say(f"compiling: {verdict} on {model.device.platform}")
