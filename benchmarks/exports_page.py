"""The page `docs/exports.md`, from the recorded rows alone."""

from __future__ import annotations

from collections.abc import Mapping

from exports import KINDS, SPECS, TO, Cell, Row, stamp

from netspec.formats import FORMATS, TOLERANCE

__all__ = ["page"]

_INTRO = f"""# Exports of the ready-made specs

Every ready-made spec in every format, untrained: its numbers are drawn, and moved a little, so that no bias is 0
throughout. One command exports them all and writes the page:

    NETSPEC_DATA=… python benchmarks/exports.py

A figure is the largest difference between what netspec computes and what the program under the format computes with the
files, as a share of the largest value, over 8 random examples or up to 32 of the test set, fewer where the network is
large. The last weights are made smaller where logits would be large: probabilities that are all 0 or 1 would agree
anyhow. As in `netspec export` ([more](formats.md)), it must not be greater than {TOLERANCE:g}, unless float32 itself is
not more exact in this network: then it is at most four times the difference of netspec in float32 to netspec in double
precision. Such figures are marked with a star.
"""


def page(rows: Mapping[str, Row]) -> str:
    """Return the whole page."""
    parts = [_INTRO, _summary(rows)]
    for kind, specs in KINDS.items():
        lines = [
            f"## {kind}\n",
            f"| | parameters | {' | '.join(TO)} |",
            f"| --- | ---: |{' ---: |' * len(TO)}",
            f"| | | {' | '.join(FORMATS[to].checker for to in TO)} |",
            *(_line(name, rows.get(name)) for name in specs if name in SPECS),
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, *_refusals(rows), *([_measured(rows)] if rows else [])])


def _summary(rows: Mapping[str, Row]) -> str:
    cells = [cell for name, row in rows.items() for cell in row.cells.values()]
    agree, refused = sum(c.relative is not None for c in cells), sum(bool(c.refused) for c in cells)
    faults, unchecked = sum(bool(c.fault) for c in cells), sum(c == Cell(examples=c.examples) for c in cells)
    text = f"{len(rows)} specs: of {len(cells):,} exports {agree:,} agree, {refused:,} are refused as announced"
    return f"{text}, {unchecked:,} were not run again, {faults:,} are wrong.\n"


def _line(name: str, row: Row | None) -> str:
    if row is None or row.stamp != stamp(name):
        return f"| `{name}` | | {' | '.join(['not yet'] * len(TO))} |"
    texts = (_cell(row.cells[to]) if to in row.cells else "not yet" for to in TO)
    return f"| `{name}` | {row.parameters:,} | {' | '.join(texts)} |"


def _cell(cell: Cell) -> str:
    if cell.fault:
        return "**wrong**"
    if cell.refused:
        return "refused"
    if cell.relative is None:
        return "not run"
    star = " \\*" if cell.relative > TOLERANCE else ""
    return f"{cell.relative:.0e}{star}" if cell.relative else "0"


def _refusals(rows: Mapping[str, Row]) -> list[str]:
    said = [
        f"- `{name}` as `{to}`: {cell.refused or cell.fault}"
        for name, row in rows.items()
        for to, cell in row.cells.items()
        if cell.refused or cell.fault
    ]
    return ["## What is refused\n", "\n".join(said) + "\n"] if said else []


def _measured(rows: Mapping[str, Row]) -> str:
    row = max(rows.values(), key=lambda each: each.date)
    first = min(each.date for each in rows.values())[:10]
    when = row.date[:10] if row.date[:10] == first else f"{first} to {row.date[:10]}"
    m, versions = row.machine, ", ".join(f"{name} {number}" for name, number in row.versions.items())
    commits = ", ".join(f"`{each}`" for each in dict.fromkeys(each.commit for each in rows.values()))
    seconds = sum(each.seconds for each in rows.values())
    return (
        f"Measured on {when} at {commits} with the seed {row.seed}, in {seconds:,.0f} s, on {m.processor}, "
        f"{m.cores} core{'s' if m.cores != 1 else ''}, {m.system}, Python {m.python}; {versions}.\n"
    )
