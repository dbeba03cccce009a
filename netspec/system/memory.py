"""How much memory is free for a process, as far as the system tells."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["free_memory"]

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Files of a container's limit and of what is used of it, in both versions of Linux's control groups."""


def free_memory() -> int | None:
    """Return how many bytes can be taken without others having to be written to disk; None where that is not known."""
    found = [bytes_ for bytes_ in (_of_machine(), *(_within(*files) for files in _LIMITS)) if bytes_ is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        stated = re.search(r"^MemAvailable:\s*(\d+) kB", text, re.MULTILINE)
        if stated:
            return int(stated[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _within(limit: str, used: str) -> int | None:
    try:
        numbers = [Path(file).read_text(encoding="ascii").strip() for file in (limit, used)]
    except (OSError, ValueError):
        return None
    if not all(number.isdecimal() for number in numbers):
        return None
    most, taken = map(int, numbers)
    return max(0, most - taken) if most < 2**60 else None
