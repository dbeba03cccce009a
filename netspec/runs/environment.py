"""The environment of a training: versions, device and machine, on which its bits depend too."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from netspec.system.packages import installed_version

__all__ = ["differences", "here"]

_PACKAGES = ("netspec", "jax", "jaxlib", "optax", "numpy", "pydantic", "lark", "safetensors")
_FLAGS = ("XLA_FLAGS", "JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION", "NPROC")
_NOT_NUMERIC = {"pydantic", "lark"}
"""Packages that decide what a spec means, not what a step computes; network.json has what it means."""


def here() -> dict[str, Any]:
    """Return what lock.json says of this environment."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := installed_version(name))},
        "flags": {name: os.environ[name] for name in _FLAGS if name in os.environ},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between two environments and may change rounding, in words."""
    for key in ("processor", "cores", "device"):
        if before.get(key) != now.get(key) and key in before and key in now:
            yield f"{key} {before[key]}, now {now[key]}"
    for key in ("packages", "flags"):
        old, new = before.get(key) or {}, now.get(key) or {}
        for name in sorted((old.keys() | new.keys()) - _NOT_NUMERIC):
            if old.get(name) != new.get(name):
                yield f"{name} {old.get(name, 'not there')}, now {new.get(name, 'not there')}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
