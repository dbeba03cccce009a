"""Texts in folders of classes: read, divided, and what is fitted to those that are learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.sources.draws import RULE, Rule
from netspec.sources.files.groups import groups_of, require_apart
from netspec.sources.files.pictures import pictures_of
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.missing import missing_data
from netspec.sources.tables.columns import Column
from netspec.sources.tables.inputs import text_input
from netspec.sources.tables.parts import parts_of_table
from netspec.sources.tables.preparation import TableInput
from netspec.sources.tables.table import Table
from netspec.sources.texts.trees import TEXTS, read_all
from netspec.sources.trees import is_archive, open_tree
from netspec.system.files import kind_of

__all__ = ["LABEL", "TEXT", "FittedTexts", "LabelledTexts", "divided_texts", "fit_texts", "labelled_texts", "size_of"]

TEXT, LABEL = "text", "label"
"""The columns that texts and their classes are as a table."""

_GROUP = "group"
"""The column of what stays together, where a pattern says it."""

LENGTH = 256
"""Tokens that are read of a text at most, where nothing else is said."""


@dataclass(frozen=True, eq=False, slots=True)
class LabelledTexts:
    """The texts in folders of classes.

    Attributes:
        classes: the names of the classes in their order.
        table: a row for each text that is not empty: what it is, and the name of its class.
        files: the name of each.
        parts: the rows of `train`, and of `validation` and `test` where they have folders of their own.
        notices: what was left out, or is suspicious.
        depth: in how many folders a file lies at least: that of its class, and those around it.
    """

    classes: tuple[str, ...]
    table: Table
    files: Sequence[str]
    parts: Mapping[str, Sequence[int]]
    notices: tuple[str, ...]
    depth: int = 0

    def groups(self, pattern: str) -> list[str]:
        """Return the group of each text by its name.

        Raises:
            DataError: a name is not as the pattern says, or a group is in two parts that the data has of its own.
        """
        found = groups_of(self.table.name, {"": self.files}, self.depth, pattern, TEXTS)[""]
        own = {part: [found[row] for row in rows] for part, rows in self.parts.items()}
        shown = {part: [self.files[row] for row in rows] for part, rows in self.parts.items()}
        require_apart(own, shown, self.table.name)
        return found


@dataclass(frozen=True, slots=True)
class FittedTexts:
    """What is fitted to texts of classes.

    Attributes:
        rows: the places of those of each part: `train`, `validation` and `test`.
        input: how they are read.
        notices: what the user should know.
    """

    rows: Mapping[str, Sequence[int]]
    input: TableInput
    notices: tuple[str, ...]


def size_of(path: Path, name: str) -> int:
    """Return how many bytes there are in a folder or an archive; raises DataError where it is not there."""
    if kind_of(path, DataError) is None:
        raise missing_data(path, name, "paths begin at the spec's folder: put it there, or train with --data PATH")
    if kind_of(path, DataError) == "file":
        return path.stat().st_size
    with open_tree(path, name) as tree:
        return sum((path / file).stat().st_size for file in tree.files)


def labelled_texts(
    path: Path, *, test: float | None = None, known: Sequence[str] = (), how: HowRead = AS_IT_IS
) -> LabelledTexts:
    """Return the texts in a folder or an archive with a folder for each class; read once while it stays the same.

    Args:
        path: of it.
        test: what is asked for as the test part.
        known: the classes that a model has learned, by which they are numbered.
        how: how they are encoded.

    Raises:
        DataError: there are none, they cannot be read, or do not go together.
    """
    # A check and a training call it alike, so that what is to be said of it is said once.
    path = path.resolve()
    return _read(path, path.name, test, tuple(known), how, _state(path))


def _state(path: Path) -> int:
    """Return a number that is another one when files were changed."""
    if kind_of(path, DataError) != "folder" or is_archive(path.name):
        facts = path.stat() if kind_of(path, DataError) else None
        return hash((facts.st_size, facts.st_mtime_ns)) if facts else 0
    with open_tree(path, str(path)) as tree:
        found = ((file, (path / file).stat()) for file in tree.files)
        return hash(tuple((file, facts.st_size, facts.st_mtime_ns) for file, facts in found))


@lru_cache(maxsize=1)
def _read(path: Path, name: str, test: float | None, known: tuple[str, ...], how: HowRead, state: int) -> LabelledTexts:
    del state
    with open_tree(path, name) as tree:
        found = pictures_of(tree, test=test, known=known, kind=TEXTS)
        texts: list[str] = []
        labels: list[str] = []
        files: list[str] = []
        parts: dict[str, list[int]] = {}
        notices = list(found.notices)
        empty: list[str] = []
        for part, labelled in found.parts.items():
            rows = parts.setdefault(part, [])
            for file, label, text in zip(
                labelled.files, labelled.labels, read_all(tree, labelled.files, how), strict=True
            ):
                if not text:
                    empty.append(tree.shown(file))
                    continue
                rows.append(len(texts))
                texts.append(text)
                labels.append(found.classes[label])
                files.append(file)
    if empty:
        shown = listing([*empty[:3], *([f"{len(empty) - 3:,} more"] if len(empty) > 3 else [])], "and")
        notices.append(f"{shown} {'is' if len(empty) == 1 else 'are'} empty, and left out")
    table = Table(name, {TEXT: texts, LABEL: labels}, range(1, len(texts) + 1))
    if not known:
        left = {labels[row] for row in parts["train"]}
        lost = [one for one in found.classes if one not in left]
        if lost:
            raise DataError(f"{name}: all texts of {listing(lost, 'and')} are empty", "give some, or leave it out")
    notices += _suspicious(name, table, parts)
    return LabelledTexts(found.classes, table, files, parts, tuple(notices), found.depth)


def _suspicious(name: str, table: Table, parts: Mapping[str, Sequence[int]]) -> list[str]:
    """Return what to say of texts that are there twice."""
    said = []
    texts, labels = table.cells[TEXT], table.cells[LABEL]
    learned = {texts[row] for row in parts["train"]}
    for part in ("validation", "test"):
        again = sum(texts[row] in learned for row in parts.get(part, ()))
        if again:
            said.append(f"{plural(again, 'text')} of {name} for {part} {_is(again)} to be learned from too")
    classes: dict[str, set[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        classes.setdefault(text, set()).add(label)
    several = sum(len(own) > 1 for own in classes.values())
    if several:
        said.append(f"{plural(several, 'text')} of {name} {_is(several)} there in several classes")
    return said


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def fit_texts(found: LabelledTexts, data: DataSource, folder: Path | None = None) -> FittedTexts:
    """Return what is fitted to texts of classes.

    Args:
        found: the texts.
        data: says how they are cut into tokens, and which part is for the test and for validation.
        folder: of the spec, for what it names beside the data.

    Raises:
        DataError: a part has no texts.
    """
    notices = list(found.notices)
    if data.validation and "validation" in found.parts:
        message = f"`validation` draws texts, but {found.table.name} has a folder of them"
        raise DataError(message, "leave `validation` out")
    rows = divided_texts(found, data)
    if data.test is None and "test" not in found.parts:
        count = len(rows["test"])
        notices.append(
            f"{plural(count, 'text')} of {found.table.name}, drawn by a hash of each, {_is(count)} for the test: "
            "`test 20%`"
        )
    return FittedTexts(rows, text_input(found.table, data, TEXT, rows["train"], folder, longest=LENGTH), tuple(notices))


def divided_texts(found: LabelledTexts, data: DataSource, rule: Rule = RULE) -> dict[str, Sequence[int]]:
    """Return the rows of each part that is not empty.

    What has no folder of its own is drawn by a hash of each text, in every class for its share: equal ones are on the
    same side. Each class keeps a text to learn from.

    Raises:
        DataError: a part has no texts.
    """
    own = found.parts
    train = found.table.take(own["train"])
    asked: dict[str, object] = {
        "test": 0 if "test" in own else data.test,
        "validation": 0 if "validation" in own else data.validation,
        "group": None,
    }
    if data.group:
        groups = found.groups(data.group)
        train = replace(train, cells={**train.cells, _GROUP: [groups[row] for row in own["train"]]})
        asked["group"] = _GROUP
    column = Column(LABEL, "category", 0, Counter(train.cells[LABEL]))
    drawn = parts_of_table(train, data.model_copy(update=asked), (LABEL,), {LABEL: column}, rule=rule)
    rows: dict[str, Sequence[int]] = {part: [own["train"][row] for row in at] for part, at in drawn.items() if at}
    learned = {found.table.cells[LABEL][row] for row in rows["train"]}
    lost = sorted({*train.cells[LABEL]} - learned)
    if lost:
        message = f"{found.table.name}: all texts of {listing(lost, 'and')} were drawn for the test or for validation"
        raise DataError(message, "give more groups of them, or smaller ones")
    return {**rows, **{part: at for part, at in own.items() if part != "train"}}
