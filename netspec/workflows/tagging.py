"""A label for each word of sentences, by a model that learned to give one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netspec.data.texts.tagged import tokens_of
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.recipe.file_names import unpacked_name
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.tables.preparation import TableInput
from netspec.sources.texts.reading import read_text, text_of
from netspec.sources.texts.tagged import parse_sentences, read_sentences
from netspec.sources.texts.vocabulary import pieces
from netspec.workflows.predictions import class_names

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = [
    "ENDINGS",
    "Likeliest",
    "Tagged",
    "facts_of_tagged",
    "likeliest",
    "notes_of",
    "sentences_of",
    "tag_sentences",
    "tagged",
    "tokens_for",
]

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


def sentences_of(given: Path | bytes | str, name: str, how: HowRead = AS_IT_IS) -> list[tuple[str, ...]]:
    """Return the words of sentences: of a text, or in a file.

    A file that ends in `.txt`, or bytes that are no JSON, has a sentence on each line; others are read as for training,
    with or without labels.

    Raises:
        DataError: there are none, or they cannot be read.
    """
    if isinstance(given, Path) and unpacked_name(given.name).lower().endswith(ENDINGS[:-1]):
        return list(read_sentences(given, name, labelled=False, how=how).words)
    if isinstance(given, str):
        text = given
    else:
        text = (
            text_of(given, name, how)
            if isinstance(given, bytes)
            else read_text(given, name, "name a .txt or .conll file", how)
        )
    if isinstance(given, bytes) and text.lstrip().startswith("{"):
        return list(parse_sentences(text, name, labelled=False).words)
    found = [tuple(pieces("words", line)) for line in text.split("\n")]
    kept = [words for words in found if words]
    if not kept:
        raise DataError(f"{name} has no words", "give a sentence")
    return kept


def facts_of_tagged(found: Tagged) -> dict[str, Any]:
    """Return what is answered for a sentence, as programs read it: its words, their labels and how probable each is."""
    return {"tokens": list(found.words), "predicted": list(found.labels), "probability": list(found.probabilities)}


class Likeliest(NamedTuple):
    """The likeliest label at each position that the model reads, as its number, and how probable it is."""

    labels: NDArray[np.integer[Any]]
    probabilities: NDArray[np.floating[Any]]


def tag_sentences(run: Run, sentences: Sequence[Sequence[str]]) -> list[Tagged]:
    """Return sentences with a label for each word.

    Raises:
        DataError: the model labels no words, or a sentence has none.
    """
    words = [tuple(sentence) for sentence in sentences]
    return tagged(run, words, likeliest(run, tokens_for(run, words)))


def tokens_for(run: Run, sentences: Sequence[tuple[str, ...]]) -> NDArray[np.int32]:
    """Return sentences as the model reads them, (N, L); errors as of `tag_sentences`."""
    given = _input(run)
    if given is None:
        raise DataError(f"{run.file} gives no label for each word", "run.predict(…) gives its answers")
    if not all(words and all(isinstance(word, str) and word.strip() for word in words) for words in sentences):
        raise DataError("a sentence without words, or a word that is no text", "give lists of words, or texts")
    return tokens_of(sentences, given)


def likeliest(run: Run, tokens: NDArray[np.int32]) -> list[Likeliest]:
    """Return the likeliest label at each position of sentences as the model reads them."""
    scores = run.probabilities(tokens)
    return [Likeliest(each, sure) for each, sure in zip(scores.argmax(axis=1), scores.max(axis=1), strict=True)]


def tagged(run: Run, sentences: Sequence[tuple[str, ...]], found: Sequence[Likeliest]) -> list[Tagged]:
    """Return sentences with the names of the likeliest labels of their words."""
    names = class_names(run.labels, max(2, run.model.graph.shape(run.model.graph.output)[0]))
    made = []
    for words, each in zip(sentences, found, strict=True):
        best, sure = each.labels[: len(words)].tolist(), each.probabilities[: len(words)].tolist()
        more = len(words) - len(best)
        made.append(Tagged(words, (*(names[label] for label in best), *[""] * more), (*sure, *[0.0] * more)))
    return made


def notes_of(run: Run, sentences: Sequence[Sequence[str]], name: str) -> list[str]:
    """Return what to say of words that the model does not know, or does not read."""
    given = _input(run)
    vocabulary = given.vocabulary if given else None
    count = sum(map(len, sentences))
    unknown = sum(word not in vocabulary.numbers for words in sentences for word in words) if vocabulary else 0
    are = "is" if unknown == 1 else "are"
    notes = [f"{name}: {unknown:,} of {plural(count, 'word')} {are} unknown to the model"] if unknown else []
    (length,) = run.network.inputs[0].shape
    cut = sum(max(0, len(words) - length) for words in sentences)
    if cut:
        notes.append(f"{name}: {plural(cut, 'word')} behind the first {length} of a sentence get no label")
    return notes


def _input(run: Run) -> TableInput | None:
    """Return how the model reads sentences; None where it labels no words."""
    table = run.preparation.table if run.preparation else None
    return next(iter(table.inputs.values())) if run.tags and table else None
