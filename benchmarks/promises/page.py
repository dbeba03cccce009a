"""The page `docs/reliability.md`, from the recorded rows alone."""

from __future__ import annotations

from collections.abc import Mapping

from promises import PROMISES
from promises.frame import Row

__all__ = ["page"]

_INTRO = """# Reliability

This page lists what netspec promises, and the results of tests that try to break each promise. One command runs all
tests and writes the page:

    python benchmarks/reliability.py

All randomness follows from `--seed`. `--short` tests less, and `--only NAME` tests one promise. `SECURITY.md`
describes the promises about security and their limits.
"""

_HEAD = """| | promise | test | result | kept | seconds |
| --- | --- | --- | --- | --- | ---: |
"""


def page(rows: Mapping[str, Row]) -> str:
    """Return the whole page."""
    lines = [_line(name, rows.get(name)) for name in PROMISES]
    return "\n".join([_INTRO, _HEAD + "\n".join(lines) + "\n", *_circumstances(rows)]).rstrip("\n") + "\n"


def _line(name: str, row: Row | None) -> str:
    if row is None:
        return f"| `{name}` | {PROMISES[name]} | not measured yet | | | |"
    kept = "yes" if row.kept else "**no**"
    return f"| `{name}` | {PROMISES[name]} | {row.done} | {row.figure} | {kept} | {row.seconds:,.0f} |"


def _circumstances(rows: Mapping[str, Row]) -> list[str]:
    """Return a paragraph for each set of rows that were measured under the same circumstances."""
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        groups.setdefault(_where(row), []).append(f"`{name}`")
    if len(groups) == 1:
        return [f"Measured {where}\n" for where in groups]
    return [f"{', '.join(names)}: measured {where}\n" for where, names in groups.items()]


def _where(row: Row) -> str:
    m = row.machine
    cores = f"{m.cores} core{'s' if m.cores != 1 else ''}"
    versions = ", ".join(f"{name} {number}" for name, number in row.versions.items())
    return (
        f"on {row.date[:10]} at commit `{row.commit}` with seed {row.seed}, "
        f"on {m.processor}, {cores}, {m.system}, Python {m.python}; {versions}."
    )
