"""The page of the language: the prose of templates/language.md, with tables that are made from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from netspec.describe.reference import REGISTRIES, signature, summary
from netspec.elaborate.evaluate import BINARY_UNITS, UNITS
from netspec.elaborate.vocabulary import COMMANDS
from netspec.ir.data_source import DataSource
from netspec.ir.network import Budget
from netspec.ir.recipe import Compile, Recipe
from netspec.ir.text import value_text
from netspec.layers import LAYERS
from netspec.recipe.catalog import DATASETS
from netspec.recipe.metrics import METRICS
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.system.resources import grammar_text

TEMPLATE = Path(__file__).parent / "templates" / "language.md"

_QUANTITIES = {
    "params": "trained numbers",
    "flops": "floating-point operations of one example's forward pass",
    "memory": "bytes of one training step at the recipe's batch: weights, gradients, averages, activations",
    "inference_memory": "bytes of a forward pass at the recipe's batch",
}


def language_page() -> str:
    """Return the page; a marker without a maker, or a maker without a marker, is an error."""
    text = TEMPLATE.read_text(encoding="utf-8")
    markers = re.findall(r"\{\{(\w+)\}\}", text)
    if sorted(markers) != sorted(MAKERS):
        raise ValueError(f"templates/language.md has {sorted(markers)}, language_page.py makes {sorted(MAKERS)}")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: MAKERS[found[1]](), text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(word: object) -> str:
    return f"`{word}`"


# --- the sections -------------------------------------------------------------------------------------------------


def grammar() -> str:
    """Return the rules of the grammar, without its comments, terminals and names of trees."""
    lines = [line.partition("//")[0] if line.startswith("//") else line for line in grammar_text().splitlines()]
    rules = [line for line in lines if re.match(r"\??[a-z]\w*:|\s+\|", line)]
    return "\n".join(re.sub(r"\s+-> \w+", "", line).removeprefix("?") for line in rules)


def units() -> str:
    """Return the table of the units of quantities."""
    letters = [(_code(letter), f"{factor:,}") for letter, factor in UNITS.items() if letter]
    letters += [(_code(f"{letter}i"), f"{factor:,}") for letter, factor in BINARY_UNITS.items()]
    return _table(("letters", "times"), letters) + "\n\nand a `B` may follow any of them, or stand alone: `64MiB`."


def commands() -> str:
    """Return the table of the commands."""
    rows = [(f"[`{c.name}`](#{c.name})", _code(c.usage), c.meaning) for c in COMMANDS.values()]
    return _table(("command", "is written", "and does"), rows)


def command_sections() -> str:
    """Return a section for each command, with its example."""
    parts = [f"### {c.name}\n\n{_code(c.usage)}\n\n{c.meaning}\n\n```net\n{c.example}\n```" for c in COMMANDS.values()]
    return "\n\n".join(parts)


def layers() -> str:
    """Return links to the layers."""
    return ", ".join(f"[`{kind}`](layers.md#{kind})" for kind in LAYERS.names) + "."


def settings(cls: type[Definition]) -> str:
    """Return the table of the settings in a body, and of those that they have in turn."""
    rows = []
    for p in parameters(cls):
        if p.name in cls.inline:
            continue
        rows.append((_code(p.name), _default(p), p.description, _expects(p)))
        # Metrics have a table of their own.
        inner = parameters(*p.members.entries) if len(p.members.names) == 1 and p.name != "metrics" else ()
        rows += [(f"{_code(p.name)}: {_written(q)}", _default(q), q.description, _expects(q)) for q in inner]
    return _table(("setting", "default", "what", "value"), rows)


def _written(p: Parameter) -> str:
    return _code(p.name.upper() if p.positional else f"{p.name}=")


def _expects(p: Parameter) -> str:
    registry = next((name for name, members in REGISTRIES.items() if p.members is members), "")
    if registry:
        return f"one of the [{registry}](#{registry})"
    if p.members.names == ("metrics",):
        return "some of the [metrics](#metrics)"
    return "what follows" if p.members else p.expects


def _default(p: Parameter) -> str:
    value: Any = p.default
    if p.required or value is None:
        return "–"
    if len(p.members.names) == 1:
        return "as follows" if p.members.names != ("metrics",) else "–"
    return _code(value.canonical() if isinstance(value, Definition) else value_text(value))


def datasets() -> str:
    """Return the table of the datasets that have a name."""
    rows = [(_code(d.name), d.title, "x".join(map(str, d.shape)), f"{d.train:,}", f"{d.test:,}") for d in DATASETS]
    return _table(("dataset", "what", "image", "training", "test"), rows)


def registries() -> str:
    """Return a section for each registry that settings choose from."""
    parts = []
    for title, registry in REGISTRIES.items():
        if title == "layers":
            continue
        rows = [(_code(signature(cls)), summary(cls), ", ".join(map(_code, cls.aliases))) for cls in registry.entries]
        parts.append(f"### {title.capitalize()}\n\n{_table(('is written', 'what', 'also'), rows)}")
    return "\n\n".join(parts)


def metrics() -> str:
    """Return the table of the metrics; those of the likeliest few stand in one row."""
    rows = []
    for metric in METRICS.values():
        if metric.k and metric.name != "top2":
            continue
        names = ", ".join(_code(m.name) for m in METRICS.values() if m.k) if metric.k else _code(metric.name)
        what = "share whose class is among so many likeliest; of equals the first counts" if metric.k else metric.what
        needs = "; probabilities" if metric.probable else ""
        rows.append((names, ", ".join(metric.tasks) + needs, "larger" if metric.larger else "smaller", what))
    return _table(("metric", "is of", "better is", "what"), rows)


def budgets() -> str:
    """Return the table of what can be limited."""
    return _table(("quantity", "what"), [(_code(q), _QUANTITIES[q]) for q in Budget.quantities()])


MAKERS: dict[str, Callable[[], str]] = {
    "grammar": grammar,
    "units": units,
    "commands": commands,
    "command_sections": command_sections,
    "layers": layers,
    "data": lambda: settings(DataSource),
    "train": lambda: settings(Recipe),
    "compile": lambda: settings(Compile),
    "datasets": datasets,
    "registries": registries,
    "metrics": metrics,
    "budgets": budgets,
}
"""What stands in place of each `{{marker}}`."""
