"""Sentences with a label for each word: read, divided, and what is fitted to those that are learned from.

Two forms are read: lines of a word and its label, with an empty line between sentences, as the data of CoNLL's shared
tasks (the label is the last column, `#` and `-DOCSTART-` begin lines that are no words); and JSON lines, each an
object with the lists `tokens` and `labels`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.class_names import in_order
from netspec.recipe.file_names import is_tagged_name, unpacked_name
from netspec.recipe.settings import Text
from netspec.sources.compressed import beginning, is_compressed
from netspec.sources.draws import RULE, TEST_SHARE, Rule, chosen, drawn, drawn_by_class
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.tables.preparation import TableInput
from netspec.sources.texts.reading import read_content, text_of
from netspec.sources.texts.vocabulary import Vocabulary

__all__ = [
    "LABELS",
    "WORDS",
    "WORD_KEYS",
    "FittedSentences",
    "Sentences",
    "are_tagged",
    "encoded",
    "fit_sentences",
    "holds_tagged",
    "parse_objects",
    "parse_sentences",
    "parts_of_sentences",
    "read_sentences",
    "require_known",
    "vocabulary_of",
]

WORDS, LABELS = "tokens", "labels"
"""What the words and their labels are called."""

LENGTH = 128
"""Words that are read of a sentence at most, where nothing else is said."""

WORD_KEYS = ("tokens", "words")
"""Under which of them an object of JSON lines has the words of a sentence."""

_LABEL_KEYS = ("labels", "tags", "ner_tags", "pos_tags")
_LOOKED_AT = 2**18
"""Bytes of a compressed file by which it is told what it is."""

_EXAMPLE = "name a file of lines with a word and its label, such as ner.conll"
_SHOWN = 5
_LONGEST = 200
"""A longer word is none that is worth a number."""


@dataclass(frozen=True, eq=False, slots=True)
class Sentences:
    """Sentences, cut into words.

    Attributes:
        name: what messages call the data.
        words: of each sentence.
        labels: of each sentence a label for each word; none where the data has no labels.
        lines: where each begins.
    """

    name: str
    words: Sequence[tuple[str, ...]]
    labels: Sequence[tuple[str, ...]]
    lines: Sequence[int]

    def classes(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Return the labels that some sentences have, in their order."""
        return in_order(Counter(label for row in rows for label in self.labels[row]))


@dataclass(frozen=True, slots=True)
class FittedSentences:
    """What is fitted to sentences.

    Attributes:
        rows: those of each part: `train`, `validation` and `test`.
        input: how they are read.
        classes: the labels in their order.
        notices: what the user should know.
    """

    rows: Mapping[str, Sequence[int]]
    input: TableInput
    classes: tuple[str, ...]
    notices: tuple[str, ...]


def are_tagged(path: Path) -> bool:
    """Return whether a file looks like words with their labels, by its first sentences."""
    try:
        if is_compressed(path.name):
            *lines, _ = [*beginning(path, _LOOKED_AT).decode("utf-8", "ignore").splitlines()[:200], ""]
        else:
            with path.open(encoding="utf-8") as stream:
                lines = [line.rstrip("\n") for _, line in zip(range(200), stream, strict=False)]
    except (OSError, UnicodeDecodeError, DataError):
        return False
    if unpacked_name(path.name).lower().endswith(".jsonl"):
        try:
            first = json.loads(next(line for line in lines if line.strip()))
        except (StopIteration, ValueError):
            return False
        return isinstance(first, dict) and all(
            isinstance(_first(first, keys), list) for keys in (WORD_KEYS, _LABEL_KEYS)
        )
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return bool(rows) and any(not line.strip() for line in lines) and {len(row) for row in rows} == {2}


def holds_tagged(path: Path) -> bool:
    """Return whether a file has a label for each word: by its name, or by what is in it."""
    name = unpacked_name(path.name).lower()
    return is_tagged_name(name) or (name.endswith((".jsonl", ".tsv", ".txt")) and are_tagged(path))


def read_sentences(path: Path, name: str, *, labelled: bool = True, how: HowRead = AS_IT_IS) -> Sentences:
    """Return the sentences in a file.

    Args:
        path: of it.
        name: what messages call it.
        labelled: whether each word must have a label.
        how: how it is encoded.

    Raises:
        DataError: it cannot be read, or is not written so.
    """
    return parse_sentences(text_of(read_content(path, name, _EXAMPLE), name, how), name, labelled=labelled)


def parse_sentences(text: str, name: str, *, labelled: bool = True) -> Sentences:
    """Return the sentences of a text; arguments and errors as for `read_sentences`."""
    objects = next((line.lstrip() for line in text.split("\n") if line.strip()), "").startswith("{")
    found = parse_objects(text, name, labelled=labelled) if objects else _of_lines(text, name, labelled)
    if not found.words:
        raise DataError(f"{name} has no sentences in it", "give lines of a word and its label, or JSON lines")
    return found


def _of_lines(text: str, name: str, labelled: bool) -> Sentences:
    words: list[tuple[str, ...]] = []
    labels: list[tuple[str, ...]] = []
    lines: list[int] = []
    own: list[list[str]] = []
    columns: int | None = None
    for number, line in enumerate([*text.split("\n"), ""], 1):
        cells = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            if own:
                words.append(tuple(row[0] for row in own))
                labels.append(tuple(row[-1] for row in own))
            own = []
            continue
        comment = not own and line.startswith("# ") and len(cells) != columns
        if comment or line.startswith("-DOCSTART-"):
            continue
        cells = [cell.strip() for cell in cells]
        where = f"line {number:,} of {name}"
        if columns is None:
            columns = len(cells)
            if columns == 1 and labelled:
                raise DataError(
                    f"{where} has one column, {cells[0][:40]!r}, and no label",
                    "give a word and its label on each line, separated by a tab or a space",
                )
        if len(cells) != columns:
            raise DataError(
                f"{where} has {plural(len(cells), 'column')}, and the first {columns}: {line.strip()[:60]!r}",
                "give each line as many: the word first, the label last; an empty line ends a sentence",
            )
        if not all(cells):
            raise DataError(f"{where} has a column with nothing in it", "give each word a label")
        lines += [] if own else [number]
        own.append(cells)
    return Sentences(name, words, labels if columns != 1 else (), lines)


def _first(row: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((row[key] for key in keys if key in row), None)


_SHAPE = '{"tokens": ["Ada", "codes"], "labels": ["B-PER", "O"]}'
_OBJECT = f"write {_SHAPE}"


def _list(row: Any, keys: Sequence[str], where: str) -> list[str]:
    """Return the texts under the first key that an object has; none where it has none of them."""
    found = _first(row, keys) if isinstance(row, dict) else None
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(value, str) and value.strip() for value in found):
        key = next(key for key in keys if key in row)
        if isinstance(found, list) and any(type(value) in {int, float} for value in found):
            what = "labels" if keys is _LABEL_KEYS else "words"
            said = "names of labels, as the data set lists them in their order, " if what == "labels" else "texts "
            raise DataError(
                f"{where}: `{key}` has numbers for {what}", f"write {said}in place of the numbers: {_SHAPE}"
            )
        raise DataError(f"{where}: `{key}` is no list of texts that are not empty", _OBJECT)
    return found


def _whole(texts: Sequence[str]) -> bool:
    """Return whether texts have no halves of characters, which no file can hold."""
    return not any("\ud800" <= char <= "\udfff" for text in texts for char in text)


def parse_objects(text: str, name: str, *, labelled: bool = True) -> Sentences:
    """Return the sentences of JSON lines, which may be none; arguments and errors as for `read_sentences`."""
    words: list[tuple[str, ...]] = []
    labels: list[tuple[str, ...]] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"line {number:,} of {name}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{where} is no JSON", _OBJECT) from None
        keys = (WORD_KEYS, _LABEL_KEYS)
        own, tags = (_list(row, names, where) for names in keys)
        if not own or (labelled and not tags):
            key = "labels" if own else "tokens"
            raise DataError(f"{where} has no list `{key}`", _OBJECT)
        if tags and len(tags) != len(own):
            raise DataError(
                f"{where} has {plural(len(own), 'token')} and {plural(len(tags), 'label')}", "give each token one label"
            )
        if not _whole([*own, *tags]):
            raise DataError(
                f"{where} has half a character (a surrogate without the other)", "write the whole character"
            )
        words.append(tuple(own))
        labels.append(tuple(tags))
        lines.append(number)
    if not labelled and not all(labels):
        labels = []
    return Sentences(name, words, labels, lines)


# --- parts --------------------------------------------------------------------------------------------------------


def parts_of_sentences(found: Sentences, data: DataSource, rule: Rule = RULE) -> dict[str, list[int]]:
    """Return which sentences are for training, validation and the test, in their order.

    Each is drawn by a hash of its words: equal ones are in one part. Each label keeps a sentence to learn from.

    Raises:
        DataError: a part has none.
    """
    identities = ["\x1f".join(words).encode("utf-8", "surrogateescape") for words in found.words]
    left = list(range(len(identities)))
    rows: dict[str, list[int]] = {}
    for part, share in {"test": TEST_SHARE if data.test is None else data.test, "validation": data.validation}.items():
        own = [identities[i] for i in left]
        places = list(map(drawn(part), own))
        at = chosen(places, share) if rule == 1 else drawn_by_class(part, own, [""] * len(own), share)
        if share and not any(at):
            # Of few sentences a share may draw none: then it is what would be drawn first.
            at = [place == min(places) for place in places]
        at = _with_each_label(at, places, [found.labels[i] for i in left])
        if share and (not any(at) or all(at) or (isinstance(share, int) and share >= len(left))):
            said = f"{share}" if isinstance(share, int) else f"{100 * share:g}%"
            lacking = "to learn from" if any(at) or share >= 1 else f"for the {part}"
            raise DataError(
                f"`{part} {said}` of {plural(len(left), 'sentence')} in {found.name} leaves none {lacking}",
                "give more sentences, of each label some, or say another number",
            )
        rows[part] = [i for i, out in zip(left, at, strict=True) if out]
        left = [i for i, out in zip(left, at, strict=True) if not out]
    return {"train": left, **{part: own for part, own in rows.items() if own}}


def _with_each_label(at: list[bool], places: Sequence[float], labels: Sequence[tuple[str, ...]]) -> list[bool]:
    """Return what is drawn, without the last drawn sentence of each label that would have none left, and its equals."""
    made = list(at)
    for label in sorted({label for own in labels for label in own}):
        having = [i for i, own in enumerate(labels) if label in own]
        if all(made[i] for i in having):
            last = max(places[i] for i in having)
            made = [out and place != last for out, place in zip(made, places, strict=True)]
    return made


# --- what is fitted -----------------------------------------------------------------------------------------------


def vocabulary_of(words: Sequence[tuple[str, ...]], size: int | None) -> Vocabulary:
    """Return the vocabulary of some sentences: their words as they are, in the order of how frequent they are."""
    counts = Counter(word for own in words for word in own if len(word) <= _LONGEST)
    kept = sorted(counts, key=lambda word: (-counts[word], word))
    kept = kept[: size - 1] if size is not None and len(kept) > size else kept
    return Vocabulary(unit="words", tokens=tuple(kept), unknown=True)


def fit_sentences(found: Sentences, data: DataSource, rule: Rule = RULE) -> FittedSentences:
    """Return what is fitted to sentences with labels; raises DataError where they cannot be divided."""
    rows = parts_of_sentences(found, data, rule)
    settings = data.text or Text(unit="words")
    train = [found.words[row] for row in rows["train"]]
    vocabulary = vocabulary_of(train, settings.size)
    length = settings.length or min(max(map(len, train)), LENGTH)
    classes = found.classes(rows["train"])
    if len(classes) < 2:
        raise DataError(f"{found.name} has one label, {classes[0]}: there is nothing to tell apart", "give two or more")
    notices = []
    longer = sum(len(own) > length for own in found.words)
    if longer:
        notices.append(
            f"{plural(longer, 'sentence')} of {found.name} {_is(longer)} longer than {length} words: the rest "
            "is not read; `length=` in `text` says how many are"
        )
    if data.test is None:
        count = len(rows["test"])
        notices.append(
            f"{plural(count, 'sentence')} of {found.name}, drawn by a hash of each, {_is(count)} for the test: "
            "`test 20%`"
        )
    given = TableInput(form="text", text=WORDS, vocabulary=vocabulary, length=length)
    return FittedSentences(rows, given, classes, tuple(notices))


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def encoded(words: Sequence[tuple[str, ...]], vocabulary: Vocabulary) -> list[list[int]]:
    """Return the token of each word: 0 is padding, and the last stands for words that are not known."""
    unknown = len(vocabulary.tokens)
    return [[1 + vocabulary.numbers.get(word, unknown) for word in own] for own in words]


def require_known(found: Sentences, classes: Sequence[str]) -> None:
    """Raise DataError where sentences have a label that the model has not learned."""
    known = set(classes)
    for own, line in zip(found.labels, found.lines, strict=True):
        odd = next((label for label in own if label not in known), None)
        if odd is not None:
            raise DataError(
                f"the sentence of line {line:,} of {found.name} has the label {odd!r}, which the model has not learned",
                f"it has learned {listing([*classes[:_SHOWN], *(['…'] if len(classes) > _SHOWN else [])], 'and')}",
            )
