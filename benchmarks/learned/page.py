"""The page `docs/tasks.md`, from the recorded rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from learned import TASKS
from learned.frame import Row, module, stamp

__all__ = ["cell", "page", "table"]

_INTRO = """# Tasks: learned on real data

What small networks learn on real data, tables, images, text, with the specs that learn it. One command measures all
tasks and writes the page:

    NETSPEC_DATA=… python benchmarks/tasks.py

`--only NAME` measures some tasks, and `--seed N` begins with another seed. Figures are those of the test part; after a
± is the deviation over several seeds. Seconds are those of the training, compiling included; the load tells what else
ran.
"""


def page(rows: Mapping[str, Row]) -> str:
    """Return the whole page."""
    return "\n".join([_INTRO, *(_section(name, rows.get(name)) for name in TASKS)])


def table(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return figures as a table: a line for each row."""
    columns = list(dict.fromkeys(column for row in figures.values() for column in row))
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name, row in figures.items():
        cells = (cell(row[column]) if column in row else "" for column in columns)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell(values: Sequence[float]) -> str:
    """Return a figure, or the mean and the deviation of several."""
    texts = [mean(values)] if len(values) == 1 else [mean(values), stdev(values)]
    return " ± ".join(_number(value, mean(values)) for value in texts)


def _number(value: float, size: float) -> str:
    if abs(size) < 10:
        return f"{value:.3f}"
    return f"{value:,.0f}" if float(size).is_integer() else f"{value:,.1f}"


def _section(name: str, row: Row | None) -> str:
    task = module(name)
    parts = [f"## {task.TITLE}\n", f"{task.TEXT}\n"]
    if row is None or row.stamp != stamp(name):
        parts.append(f"Not measured yet: `python benchmarks/tasks.py --only {name}`\n")
    else:
        parts.append(table(row.figures))
        if hasattr(task, "PICTURE"):
            parts += [f"![{task.TITLE}](images/{task.PICTURE})\n", f"{task.CAPTION}\n"]
        parts += [f"{key}:\n\n```text\n{text}\n```\n" for key, text in row.samples.items()]
        parts.append(f"Measured {_where(row)}\n")
    parts += [f"{key}:\n\n```net\n{spec}\n```\n" for key, spec in task.SPECS.items()]
    return "\n".join(parts)


def _where(row: Row) -> str:
    m = row.machine
    versions = ", ".join(f"{name} {number}" for name, number in row.versions.items())
    seeds = f"the seed {row.seed}{' and those after it' if _several(row) else ''}"
    return (
        f"on {row.date[:10]} at commit `{row.commit}` with {seeds}, in {row.seconds:,.0f} s, on "
        f"{m.processor}, {m.cores} core{'s' if m.cores != 1 else ''} at a load of {row.load:.1f}, {m.system}, "
        f"Python {m.python}; {versions}."
    )


def _several(row: Row) -> bool:
    return any(len(values) > 1 for columns in row.figures.values() for values in columns.values())
