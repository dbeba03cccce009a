"""Lines of a spec that is written for a table: comments in one column, and the settings of a training."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec.sources.how_read import HowRead

__all__ = ["as_read", "commented", "of_training"]


def commented(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Return lines with their comments in one column."""
    width = max(len(line) for line, comment in lines if comment)
    return [f"{line:<{width}}  # {comment}" if comment else line for line, comment in lines]


def as_read(text: str, how: HowRead) -> str:
    """Return a spec whose data says how its file is read, where that needs a word."""
    lines = f'  sheet "{how.sheet}"\n' if how.sheet else ""
    lines += f"  encoding {how.encoding}\n" if how.encoding else ""
    return re.sub(r'^data "[^"]*" \{\n?', lambda found: found[0].rstrip("\n") + "\n" + lines, text, count=1, flags=re.M)


def of_training(rows: int) -> list[str]:
    """Return the settings of a training with so many examples."""
    batch, epochs = _size(rows)
    return commented(
        [
            ("  optimizer adamw lr=0.003 weight_decay=0.01", ""),
            ("  schedule cosine", "the rate falls to 0 at the end"),
            (f"  batch {batch}", ""),
            (f"  epochs {epochs}", ""),
            ("  best val_loss", "the weights of this epoch are kept as the best"),
        ]
    )


def _size(rows: int) -> tuple[int, int]:
    """Return the size of a batch and the number of epochs for so many rows."""
    return (32, 60) if rows < 2_000 else (64, 30) if rows < 20_000 else (256, 15)
