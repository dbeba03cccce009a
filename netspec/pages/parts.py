"""The sections of a page as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from netspec.ops import format_shape
from netspec.pages.facts import Answers, ClassFigures, Row, RunFacts
from netspec.pages.mistakes import mistakes_part, picture_url, sentences_part
from netspec.pages.spec_view import SpecLine

__all__ = ["answers_part", "environment_part", "headline_part", "layers_part", "spec_part"]

_MOST_CLASSES = 30
"""Rows of a confusion matrix; of more classes the pairs that are confused most are listed."""
_MOST_PAIRS = 20


def headline_part(run: RunFacts) -> str:
    """Return the figures that say the most, large."""
    cells = (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in run.headline)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in run.notes)
    return f'<dl class="figures">{"".join(cells)}</dl>{notes}'


def spec_part(lines: Sequence[SpecLine]) -> str:
    """Return the spec, and beside its lines the shapes."""
    rows = []
    for number, line in enumerate(lines, start=1):
        said = "".join(f'<span class="{kind}">{escape(text)}</span>' for kind, text in line.words)
        count = f"{line.parameters:,}" if line.parameters else ""
        rows.append(
            f'<tr><td class="n">{number}</td><td class="code">{said}</td><td class="shape">{escape(line.shape)}</td>'
            f'<td class="count">{count}</td></tr>'
        )
    head = "<tr><th></th><th>line</th><th>gives</th><th>parameters</th></tr>"
    return f'<div class="scroll"><table class="spec"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def layers_part(rows: Sequence[Row]) -> str:
    """Return the table of layers."""
    cells = [
        [
            *(escape(row.name), f"<code>{escape(row.layer)}</code>", format_shape(row.shape)),
            *(f"{row.parameters:,}", f"{row.flops:,}"),
        ]
        for row in rows
    ]
    return _table(("name", "layer", "output", "parameters", "FLOPs"), cells, left=3)


def environment_part(run: RunFacts) -> str:
    """Return where and how it was trained, and how to do it again."""
    rows = [[escape(name), escape(text)] for name, text in run.environment]
    commands = "".join(f"<pre>{escape(command)}</pre>" for command in run.repeat)
    return f"{_table(('what', 'value'), rows, left=2)}<h4>To repeat it</h4>{commands}"


def answers_part(answers: Answers, number: int) -> str:
    """Return how one output does; `number` is unique in the page."""
    parts = [f"<p>{escape(answers.data)}</p>"]
    if answers.figures:
        figures = (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in answers.figures)
        parts.append(f'<dl class="figures small">{"".join(figures)}</dl>')
    if answers.entities:
        parts.append(_classes(answers.entities, "entity", "kinds of entities"))
    if answers.classes:
        parts.append(_classes(answers.classes))
    if answers.confusion:
        names = [c.label for c in answers.classes]
        parts.append(_confusion(answers.confusion, names))
    if answers.reliability:
        parts.append(
            "<h4>Are its probabilities right?</h4><p>Of the examples with a probability around each value, the share"
            " that is right; on the line both are equal.</p>"
            f'<div class="chart square" data-reliability="{number}"></div>'
        )
        rows = [[f"{p:.2f}", f"{100 * right:.1f} %", f"{count:,}"] for p, right, count in answers.reliability]
        parts.append(_folded("The same as a table", _table(("mean probability", "right", "examples"), rows)))
    if answers.mistakes:
        why = f"<p>{escape(answers.why[:1].upper() + answers.why[1:])}.</p>" if answers.why else ""
        parts.append(f"<h4>The surest mistakes</h4>{why}{mistakes_part(answers.mistakes)}")
    if answers.sentences:
        said = "<p>Below each wrong word its label here, how probable that is, and its true one.</p>"
        parts.append(f"<h4>The surest mistakes</h4>{said}{sentences_part(answers.sentences)}")
    for place, scatter in enumerate(answers.scatter):
        fit = f"MAE {scatter.mae:.4g}" + (f", R² {scatter.r2:.3f}" if scatter.r2 is not None else "")
        parts.append(
            f"<h4>{escape(scatter.name)}: {fit}</h4>"
            f'<div class="chart square" data-scatter="{number}" data-place="{place}"></div>'
        )
    said = ""
    for caption, png in answers.pictures:
        said = caption or said
        parts.append(_picture(caption, png, said))
    if answers.text:
        parts.append(f'<h4>What it writes</h4><pre class="sample">{escape(answers.text)}</pre>')
    return "".join(parts)


def _table(head: Iterable[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a table of cells that are HTML; all columns behind the first `left` are numbers."""

    def cells(row: Iterable[str], tag: str) -> str:
        return "".join(f"<{tag}{'' if n < left else ' class=num'}>{cell}</{tag}>" for n, cell in enumerate(row))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inner}</details>"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"


def _classes(classes: Sequence[ClassFigures], head: str = "class", all_of_them: str = "classes") -> str:
    rows = [
        [escape(c.label), f"{c.examples:,}", f"{c.right:,}", _share(c.recall), _share(c.precision), _share(c.f1)]
        for c in classes
    ]
    table = _table((head, "examples", "right", "recall", "precision", "F1"), rows)
    return table if len(classes) <= _MOST_CLASSES else _folded(f"All {len(classes):,} {all_of_them}", table)


def _confusion(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return which classes are taken for which."""
    pairs = sorted(
        ((count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) if i != j and count),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    title = "<h4>Which are taken for which</h4>"
    if len(names) > _MOST_CLASSES:
        rows = [[escape(names[i]), escape(names[j]), f"{count:,}"] for count, i, j in pairs[:_MOST_PAIRS]]
        return title + _table(("true", "predicted", "examples"), rows, left=2)
    most = max((max(row) for row in matrix), default=0)
    wrong = pairs[0][0] if pairs else 0
    head = "".join(f'<th class="turned"><span>{escape(name)}</span></th>' for name in names)
    body = []
    for i, row in enumerate(matrix):
        cells = []
        for j, count in enumerate(row):
            # The right ones against all, the wrong ones against each other: else no mistake would show.
            depth = count / most if i == j else 0.9 * count / wrong if wrong else 0
            kind = "right" if i == j else "wrong"
            cells.append(f'<td class="{kind}" style="--depth:{depth:.2f}">{count or ""}</td>')
        body.append(f"<tr><th>{escape(names[i])}</th>{''.join(cells)}</tr>")
    return (
        f'{title}<p>A row for each true class, a column for each predicted one.</p><div class="scroll">'
        f'<table class="confusion"><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _picture(caption: str, png: bytes, alt: str) -> str:
    said = f"<h4>{escape(caption.capitalize())}</h4>" if caption else ""
    return f'{said}<figure class="wide"><img alt="{escape(alt)}" src="{picture_url(png)}"></figure>'
