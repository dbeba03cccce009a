"""The lines of a written program, broken as a formatter breaks them."""

from __future__ import annotations

__all__ = ["formatted"]

_PAGE = 88
"""Longer lines are broken."""
_INDENT = "    "
_SHORT = 20
"""Arguments that are shorter are not opened if those of the call before are."""


def formatted(text: str) -> str:
    """Return a text whose lines fit on a page, where they end in a call."""
    lines = []
    for line in text.split("\n"):
        said = line.lstrip(" ")
        lines += _broken(said, line[: len(line) - len(said)])
    return "\n".join(lines)


def _broken(line: str, margin: str, *, strict: bool = False) -> list[str]:
    """Return the lines of a statement or an argument; the brackets that end it are opened."""
    whole = margin + line
    if len(whole) > _PAGE and (found := _comprehension(line)):
        return [f"{margin}{each}" for each in found]
    if len(whole) > _PAGE and line.startswith("def ") and ") -> " in line:
        call, _, made = line.rpartition(" -> ")
        *first, last = _broken(call, margin, strict=True)
        return [*first, f"{last} -> {made}"]
    end = line.rstrip(",:")
    if "  # (N" in line:
        # A comment says a shape where it fits; a line that is too long has lost it.
        return [whole] if len(whole) <= _PAGE else _broken(line.partition("  # (N")[0], margin)
    if (len(whole) <= _PAGE and not strict) or not end.endswith((")", "]", "}")) or line.startswith(("#", '"')):
        return [whole]
    begin, stop = _begin(end), len(end) - 1
    far = len(margin) + begin + 1 > _PAGE
    if end[begin - 1 : begin] == ")" and (far or len(end) - begin < _SHORT):
        # What is made by one call is called at once: `layer(…)(x)`.
        begin, stop = _begin(end[:begin]), begin - 1
    inside, deeper = end[begin + 1 : stop], margin + _INDENT
    if not inside or (" for " in inside and begin == 0):
        return [whole]
    tail = line[stop:]
    if len(deeper) + len(inside) <= _PAGE and not _is_display(end, begin):
        return [margin + line[: begin + 1], deeper + inside, margin + tail]
    parts = _parts(inside)
    if len(parts) == 1 and (" for " in inside or inside.startswith("*")):
        return [margin + line[: begin + 1], *_broken(inside, deeper), margin + tail]
    broken = [each for part in parts for each in _broken(f"{part},", deeper)]
    return [margin + line[: begin + 1], *broken, margin + tail]


def _comprehension(line: str) -> list[str]:
    """Return what is computed for each value, and over which values; nothing where a line is no such expression."""
    depth = 0
    for at, letter in enumerate(line):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and line.startswith(" for ", at):
            return [line[:at], line[at + 1 :]]
    return []


def _is_display(line: str, begin: int) -> bool:
    """Return whether a bracket is that of a tuple or a list, whose values get lines of their own."""
    return begin == 0 or line[begin - 1] in " (["


def _begin(line: str) -> int:
    """Return where the bracket was opened with which a line ends."""
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        depth += (line[at] in ")]}") - (line[at] in "([{")
        if depth == 0:
            return at
    return 0


def _parts(arguments: str) -> list[str]:
    """Return the arguments of a call, one by one."""
    parts, depth, quoted = [""], 0, False
    for letter in arguments:
        quoted ^= letter == '"'
        depth += 0 if quoted else (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
