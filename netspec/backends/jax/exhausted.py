"""Out-of-memory errors of a device, as errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from netspec.diagnostics.diagnostic import DeviceError

__all__ = ["enough_memory"]


@contextmanager
def enough_memory(fix: str = "smaller batches take less: --batch, or `batch` in the recipe") -> Iterator[None]:
    """Run what computes.

    Raises:
        DeviceError: when the device's memory does not suffice for it.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        said = str(error).partition("RESOURCE_EXHAUSTED:")[2].strip().splitlines()
        reason = f": {said[0]}" if said else ""
        raise DeviceError(f"the memory of the device does not suffice{reason}", fix) from None
