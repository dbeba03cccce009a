"""What `netspec data show` prints alike of pictures, sounds and texts: the classes of each part, and odd files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from netspec.cli.output import print_table, say
from netspec.diagnostics.diagnostic import plural
from netspec.sources.files.pictures import Pictures
from netspec.terminal.numbers import percent

__all__ = ["draw_files", "parts_text", "print_classes", "print_odd", "twice_of"]

_SHOWN = 5


def parts_text(found: Pictures, one: str) -> str:
    """Return how many files each part has.

    Args:
        found: they.
        one: what one of them is called.
    """
    counts = [f"{len(part.files):,} in {name}" for name, part in found.parts.items()]
    total = sum(len(part.files) for part in found.parts.values())
    masks = " with masks" if found.has_masks else ""
    each = f" ({', '.join(counts)})" if len(counts) > 1 else ""
    return f"{plural(total, one)}{masks}{each}"


def print_classes(found: Pictures, many: str) -> None:
    """Print how many files of each class each part has; `many` is what they are called."""
    parts = {name: Counter(part.labels) for name, part in found.parts.items()}
    total = sum(sum(counts.values()) for counts in parts.values())
    rows = [
        (
            name,
            *(f"{counts[number]:,}" for counts in parts.values()),
            percent(sum(counts[number] for counts in parts.values()) / total),
        )
        for number, name in enumerate(found.classes)
    ]
    heads = [*parts] if len(parts) > 1 else [many]
    print_table([("class", False), *((head, True) for head in heads), ("share", True)], rows)


def twice_of(groups: Iterable[Sequence[tuple[str, str]]]) -> list[tuple[str, list[str]]]:
    """Return the files with the same content, as `print_odd` takes them: those in several parts, then the others."""
    across: list[str] = []
    within: list[str] = []
    for group in groups:
        found = across if len({part for part, _ in group}) > 1 else within
        found.append(" = ".join(file for _, file in group))
    return [("in several parts", across), ("there twice within a part", within)]


def print_odd(kinds: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Print what is wrong with files, by what it is, and the first of each."""
    for what, said in kinds:
        if said:
            say(f"{what}: {len(said):,}")
            for line in said[:_SHOWN]:
                say(f"  {line}")
            if len(said) > _SHOWN:
                say(f"  and {len(said) - _SHOWN:,} more")


def draw_files(
    name: str, found: Pictures, images: Any, drawn: Sequence[int], target: Path, one: str, fact: str
) -> None:
    """Draw some files with their classes, or with their names where they have none, and say where.

    Args:
        name: of the data.
        found: all files.
        images: (N, 3, H, W), of some of the training part.
        drawn: the places of these.
        target: the PNG file.
        one: what one of them is called.
        fact: the line at the bottom.
    """
    import numpy as np  # noqa: PLC0415

    from netspec import report  # noqa: PLC0415

    if not len(images):
        return
    train, test = found.train, found.parts.get("test")
    if not found.classes:
        names = [Path(train.files[at]).name for at in drawn]
        say(report.draw_grid(images, names, target, title=name, subtitle=parts_text(found, one)))
        return
    labels = np.asarray(train.labels)
    tested = np.asarray(test.labels) if test else None
    say(
        report.draw_dataset(name, images, labels[list(drawn)], found.classes, tested, target, counted=labels, fact=fact)
    )
