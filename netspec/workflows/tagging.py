"""A label for each word of sentences, by a model that learned to give one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.data.tagged import tokens_of
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.tagged import parse_sentences, read_sentences
from netspec.sources.texts import read_text, text_of
from netspec.sources.vocabulary import pieces
from netspec.workflows.predictions import class_names

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["ENDINGS", "Tagged", "notes_of", "sentences_of", "tag_sentences"]

ENDINGS = (".conll", ".bio", ".iob", ".jsonl", ".tsv", ".txt")
"""How the names of files end that sentences are read from."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence with a label for each word.

    Attributes:
        words: of the sentence.
        labels: the likeliest of each; empty for a word behind those that the model reads.
        probabilities: how probable each is; 0 likewise.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]

    def __str__(self) -> str:
        return " ".join(f"{word}/{label}" for word, label in zip(self.words, self.labels, strict=True))


def sentences_of(given: Path | bytes | str, name: str) -> list[tuple[str, ...]]:
    """Return the words of sentences: of a text, or in a file.

    A file that ends in `.txt`, or bytes that are no JSON, has a sentence on each line; others are read as for training,
    with or without labels.

    Raises:
        DataError: there are none, or they cannot be read.
    """
    if isinstance(given, Path) and given.suffix.lower() in ENDINGS[:-1]:
        return list(read_sentences(given, name, labelled=False).words)
    if isinstance(given, str):
        text = given
    else:
        text = (
            text_of(given, name) if isinstance(given, bytes) else read_text(given, name, "name a .txt or .conll file")
        )
    if isinstance(given, bytes) and text.lstrip().startswith("{"):
        return list(parse_sentences(text, name, labelled=False).words)
    found = [tuple(pieces("words", line)) for line in text.split("\n")]
    kept = [words for words in found if words]
    if not kept:
        raise DataError(f"{name} has no words", "give a sentence")
    return kept


def tag_sentences(run: Run, sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Return sentences with a label for each word.

    Raises:
        DataError: the model labels no words, or a sentence has none.
    """
    table = run.preparation.table if run.preparation else None
    if not run.tags or table is None:
        raise DataError(f"{run.file} gives no label for each word", "run.predict(…) gives its answers")
    words = [tuple(sentence) for sentence in sentences]
    if not all(own and all(isinstance(word, str) and word for word in own) for own in words):
        raise DataError("a sentence without words, or a word that is no text", "give lists of words, or texts")
    given = next(iter(table.inputs.values()))
    scores = run.probabilities(tokens_of(words, given))
    names = class_names(run.labels, scores.shape[1])
    found = []
    for own, each in zip(words, scores, strict=True):
        best = each.argmax(axis=0)[: len(own)]
        more = len(own) - len(best)
        sure = [float(each[label, i]) for i, label in enumerate(best)]
        found.append(Tagged(own, (*(names[i] for i in best), *[""] * more), (*sure, *[0.0] * more)))
    return found


def notes_of(run: Run, found: Sequence[Tagged], name: str) -> list[str]:
    """Return what to say of words that the model does not know, or does not read."""
    table = run.preparation.table if run.preparation else None
    vocabulary = next(iter(table.inputs.values())).vocabulary if table else None
    words = [word for each in found for word in each.words]
    unknown = sum(word not in vocabulary.numbers for word in words) if vocabulary else 0
    are = "is" if unknown == 1 else "are"
    notes = [f"{name}: {unknown:,} of {plural(len(words), 'word')} {are} unknown to the model"] if unknown else []
    cut = sum(label == "" for each in found for label in each.labels)
    if cut:
        (length,) = run.network.inputs[0].shape
        notes.append(f"{name}: {plural(cut, 'word')} behind the first {length} of a sentence get no label")
    return notes
