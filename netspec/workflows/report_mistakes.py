"""The surest mistakes of a run, for its report: the picture, the text or the row, what it is and was taken for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import pages
from netspec.data.originals import Originals
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import NetspecError
from netspec.graph.graph import GraphOutput
from netspec.report.pixels import displayable, png_of
from netspec.sources.texts.tagged import WORDS
from netspec.workflows.predictions import Evaluation, class_names
from netspec.workflows.reasons import Reason, reasons_of
from netspec.workflows.shown import as_pictures, is_drawn
from netspec.workflows.tagging import likeliest
from netspec.workflows.trained import Run

__all__ = ["excerpt", "mistakes_of", "sentences_of"]

_MOST = 24
_SMALL = (112, 224)
"""Pixels of mistakes, as the page shows them: a page is sent by mail."""
_LONGEST, _CELL, _CELLS = 400, 60, 30
"""Characters of a text and of a cell that are shown, and cells of a row."""
_WORDS, _BEFORE = 60, 15
"""Words of a sentence that are shown, and how many of them stand before the first wrong one."""
_PIECE = 1024
"""Sentences that are answered at a time."""
_JOINER = "\N{ZERO WIDTH JOINER}"


def mistakes_of(
    run: Run, output: GraphOutput, part: Split, found: Evaluation, most: float
) -> tuple[list[pages.Mistake], str]:
    """Return the surest mistakes, and what is shown of why they were made.

    Args:
        run: the model.
        output: the output that is looked at, which gives one class for an example.
        part: the examples.
        found: how it does on them.
        most: FLOPs that the page may take.
    """
    wrong = np.flatnonzero(found.predicted != found.true)
    surest = wrong[np.argsort(-found.probability[wrong], kind="stable")][:_MOST]
    if not found.labels or not len(surest):
        return [], ""
    pictures = _thumbnails(run, part, surest)
    try:
        reasons, said = reasons_of(run, output, part, surest, found.predicted, found.probability, most)
    except NetspecError as error:
        reasons, said = [], f"why it is wrong is not shown: {error.message}"
    reasons += [Reason()] * (len(surest) - len(reasons))
    mistakes = []
    for i, picture, reason in zip(surest.tolist(), pictures, reasons, strict=True):
        texts, cells = _as_written(run, part.originals, i)
        mistakes.append(
            pages.Mistake(
                picture,
                found.labels[found.true[i]],
                found.labels[found.predicted[i]],
                float(found.probability[i]),
                b"" if reason.picture is None else png_of(reason.picture, _SMALL),
                reason.parts,
                place=part.originals.place(i) if part.originals else "",
                texts=texts,
                cells=cells,
            )
        )
    return mistakes, said


def _as_written(
    run: Run, originals: Originals | None, example: int
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the texts of an example, each with its column, and the other cells that the model reads."""
    table = run.preparation.table if run.preparation else None
    if originals is None or table is None:
        return [], []
    cells = {name: cell for name, cell in originals.cells(example).items() if isinstance(cell, str)}
    texts = [given.text for given in table.inputs.values() if given.form == "text" and given.text in cells]
    others = [name for name in dict.fromkeys(table.columns) if name in cells and name not in texts]
    return (
        [(name, excerpt(cells[name], _LONGEST)) for name in texts],
        [(name, excerpt(cells[name], _CELL)) for name in others[:_CELLS]],
    )


def _thumbnails(run: Run, part: Split, at: NDArray[np.integer[Any]]) -> list[bytes]:
    """Return the pictures of some examples; nothing for each where they are none."""
    shape = run.network.image_shape
    if isinstance(part.images, Mapping) or not is_drawn(run.network) or len(shape) < 2 or not len(at):
        return [b""] * len(at)
    images = as_pictures(run.network, np.asarray(part.images[at]), shape)
    return [png_of(image, _SMALL) for image in displayable(images)]


# --- texts --------------------------------------------------------------------------------------------------------


def excerpt(text: str, most: int) -> str:
    """Return a text in one line, of at most so many characters: cut between words, or else between whole characters."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    at = most - 1
    space = line.rfind(" ", at - most // 8, at)
    if space > 0:
        return f"{line[:space]} …"
    while at > most // 2 and _joined(line[at - 1], line[at]):
        at -= 1
    return f"{line[:at]}…"


def _joined(before: str, behind: str) -> bool:
    """Return whether two characters may be seen as one: a letter and its accent, the parts of an emoji or of a flag."""
    if _JOINER in (before, behind) or unicodedata.category(behind) in {"Mn", "Me", "Mc"}:
        return True
    return "\U0001f3fb" <= behind <= "\U0001f3ff" or all("\U0001f1e6" <= c <= "\U0001f1ff" for c in (before, behind))


# --- words --------------------------------------------------------------------------------------------------------


def sentences_of(run: Run, part: Split) -> list[pages.Sentence]:
    """Return the sentences with the surest wrong labels of words, each as the model labels it."""
    originals = part.originals
    if not run.tags or originals is None:
        return []
    wrong: list[tuple[float, int, NDArray[Any], NDArray[Any]]] = []
    for start in range(0, len(part), _PIECE):
        some = part.rows(start, start + _PIECE)
        for at, each in enumerate(likeliest(run, np.asarray(some.images))):
            odd = (np.asarray(some.images[at]) != 0) & (each.labels != some.labels[at])
            if odd.any():
                surest = float(each.probabilities[odd].max())
                wrong.append((surest, start + at, each.labels, each.probabilities))
        # Of many sentences only those are kept that may be shown.
        wrong = sorted(wrong, key=lambda one: (-one[0], one[1]))[:_MOST]
    names = class_names(run.labels, max(2, run.model.graph.shape(run.model.graph.output)[0]))
    return [
        _sentence(originals, example, np.asarray(part.labels[example]), labels, sure, names)
        for _, example, labels, sure in wrong
    ]


def _sentence(
    originals: Originals,
    example: int,
    true: NDArray[Any],
    labels: NDArray[Any],
    sure: NDArray[Any],
    names: Sequence[str],
) -> pages.Sentence:
    """Return a sentence with what is wrong of its words; of a long one what stands around the first wrong word."""
    words = originals.cells(example)[WORDS]
    assert isinstance(words, tuple)
    read = min(len(words), len(labels))
    begin = max(0, int((true[:read] != labels[:read]).argmax()) - _BEFORE) if len(words) > _WORDS else 0
    shown = [
        pages.Word(excerpt(words[at], _CELL))
        if at >= read or true[at] == labels[at]
        else pages.Word(excerpt(words[at], _CELL), names[true[at]], names[labels[at]], float(sure[at]))
        for at in range(begin, min(len(words), begin + _WORDS))
    ]
    more = [pages.Word("…")]
    before, behind = more if begin else [], more if begin + _WORDS < len(words) else []
    return pages.Sentence(originals.place(example), [*before, *shown, *behind])
