"""Which specs a path on the command line stands for."""

from __future__ import annotations

from pathlib import Path

__all__ = ["specs_in"]


def specs_in(path: Path) -> list[Path]:
    """Return the specs below a folder, hidden ones left out; what is no folder stands for itself."""
    try:
        folder = path.is_dir()
    except OSError:
        # A name that no system takes: reading it says so.
        folder = False
    if not folder:
        return [path]
    inside = [p for p in sorted(path.rglob("*.net")) if p.is_file()]
    seen = [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    return seen or [path]
