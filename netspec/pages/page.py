"""The page: sections in their order, with the data of its charts and the one style and script that it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from netspec.pages.facts import RunFacts
from netspec.pages.parts import answers_part, environment_part, headline_part, layers_part, spec_part

__all__ = ["page"]

_FOLDER = Path(__file__).parent
# Nothing is loaded from anywhere, and only the page's own script runs.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(runs: Sequence[RunFacts]) -> str:
    """Return the text of a page of one run, or of several that are compared.

    Args:
        runs: at least one, in the order in which they are shown.
    """
    title = ", ".join(run.name for run in runs)
    sections = [headline_part(runs[0]) if len(runs) == 1 else _compared(runs), _curves(runs)]
    number = 0
    charts = []
    for run in runs:
        inner, number, found = _run(run, number, alone=len(runs) == 1)
        sections.append(inner)
        charts += found
    data = {"runs": [{"name": run.name, **run.series} for run in runs], "answers": charts}
    # What a name contains must not end the element.
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    style, shared, own = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "charts.js", "page.js"))
    script = f'"use strict";\n{shared}{own}'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}"><style>\n{style}</style></head>\n'
        f"<body><header><h1>{escape(title)}</h1></header><main>\n{''.join(sections)}</main>\n"
        f"<footer>Made by netspec. This file needs no network.</footer>\n"
        f'<script type="application/json" id="data">{embedded}</script>\n<script>\n{script}</script></body></html>\n'
    )


def _section(title: str, inner: str, level: int = 2) -> str:
    return f"<section><h{level}>{escape(title)}</h{level}>{inner}</section>\n"


def _curves(runs: Sequence[RunFacts]) -> str:
    names = dict.fromkeys(name for run in runs for name in run.series["charts"])
    first = [name for name in ("loss", "accuracy") if name in names]
    rest = [name for name in names if name not in first]
    charts = "".join(f'<div class="chart" data-curve="{escape(name)}"></div>' for name in (*first, *rest))
    control = (
        '<label class="smooth">smoothing <input type="range" id="smoothing" min="0" max="0.99" step="0.01" value="0.6">'
        "</label>"
    )
    return _section("Curves", f'{control}<div class="charts">{charts}</div>') if names else ""


def _compared(runs: Sequence[RunFacts]) -> str:
    names = list(dict.fromkeys(name for run in runs for name, _ in run.headline))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("run", *names))
    rows = []
    for run in runs:
        known = dict(run.headline)
        cells = "".join(f"<td class=num>{escape(known.get(name, '–'))}</td>" for name in names)
        rows.append(f"<tr><td>{escape(run.name)}</td>{cells}</tr>")
    return _section(
        "Compared",
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>',
    )


def _run(run: RunFacts, number: int, *, alone: bool) -> tuple[str, int, list[dict[str, object]]]:
    """Return the sections of a run, the next free number, and the data of the charts of its answers."""
    parts, charts = [], []
    for answers in run.answers:
        title = f"How well it does: {answers.output}" if answers.output else "How well it does"
        parts.append(_section(title, answers_part(answers, number), 3))
        charts.append(
            {
                "reliability": list(answers.reliability),
                "scatter": [{"name": s.name, "points": list(s.points)} for s in answers.scatter],
            }
        )
        number += 1
    body = "".join(
        (
            "" if alone else headline_part(run),
            *parts,
            _section("The spec", spec_part(run.spec), 3),
            _section("The network", f'<div class="scroll drawing">{run.drawing}</div>', 3),
            _section("Its layers", layers_part(run.rows), 3),
            _section("Where and how", environment_part(run), 3),
        )
    )
    if alone:
        return body, number, charts
    return f"<details><summary>{escape(run.name)}</summary>{body}</details>", number, charts
