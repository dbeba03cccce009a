"""A table on a terminal too narrow for it: each row becomes a few lines, `heading value` after `heading value`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["minimum_width", "stacked_lines"]

_WORD = 16
"""A longer word, such as a path, may be broken between two lines."""


def minimum_width(cells: Iterable[str], *, number: bool) -> int:
    """Return the least width of a column of these cells: numbers stay on one line, texts are broken between words."""
    if number:
        return max(map(len, cells), default=0)
    return max((_indent(cell) + min(len(word), _WORD) for cell in cells for word in cell.split()), default=0)


def stacked_lines(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]], width: int) -> Iterator[str]:
    """Yield the lines of rows: the texts up to the first number, then each other cell after its heading.

    Args:
        columns: headings, and whether each column is of numbers.
        rows: the cells.
        width: of the terminal; what does not fit on a line goes on the next, and only what is longer itself is broken.
    """
    first = next((i for i, (_, number) in enumerate(columns) if number), len(columns))
    named = min(first, 2)
    for row in rows:
        indent = " " * _indent(row[0])
        words = ": ".join(filter(None, (cell.strip() for cell in row[:named]))).split()
        yield from _lines(words, width, indent, f"{indent}    ")
        pairs = [f"{heading} {cell}" for (heading, _), cell in zip(columns[named:], row[named:], strict=True) if cell]
        yield from _lines(pairs, width, f"{indent}  ", f"{indent}  ", between="   ")


def _indent(cell: str) -> int:
    return len(cell) - len(cell.lstrip())


def _lines(parts: Sequence[str], width: int, first: str, rest: str, between: str = " ") -> Iterator[str]:
    """Yield the parts on lines of a width, each part, or else each word of it, whole where it fits on a line."""
    line = ""
    # What is longer than a line of its own is broken between its words.
    room = width - len(rest)
    words = [word for part in parts for word in ([part] if len(part) <= room else part.split(" ")) if word]
    for part in words:
        if line and len(line) + len(between) + len(part) > width:
            yield line
            line, first = "", rest
        line = f"{line}{between}{part}" if line else f"{first}{part}"
        while len(line) > width > len(rest):
            yield line[:width]
            line = f"{rest}{line[width:]}"
    if line:
        yield line
