"""Paths as they are shown: from where the user is, as they were typed."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["from_here"]


def from_here(text: str) -> str:
    """Return a text in which paths of what lies below the working directory begin there."""
    try:
        here = str(Path.cwd())
    except OSError:
        return text
    if here == os.sep:
        return text
    # A path begins a word, stands in quotes, or is the value of an option.
    return re.sub(rf"(?<![^\s'\"`(=]){re.escape(here + os.sep)}(?=\S)", "", text)
