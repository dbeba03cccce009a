"""A look at the data that a spec names: what it says of the network that is to learn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.ir.network import Input
from netspec.recipe.array_facts import Wrong
from netspec.recipe.array_files import holds_arrays
from netspec.recipe.catalog import find
from netspec.recipe.settings import Text
from netspec.sources.arrays import survey_arrays
from netspec.sources.compressed import is_larger
from netspec.sources.files.groups import groups_of, require_apart
from netspec.sources.files.kinds import PICTURES, SOUNDS, FileKind
from netspec.sources.files.picture_headers import header_of
from netspec.sources.files.pictures import Pictures, holds_pictures, pictures_of
from netspec.sources.how_read import HowRead
from netspec.sources.kinds import require_kind
from netspec.sources.tables.columns import Column
from netspec.sources.tables.inputs import tokenizer_of
from netspec.sources.texts.trees import divided_text, has_classes
from netspec.sources.texts.vocabulary import Vocabulary
from netspec.sources.trees import Tree, is_archive, is_packed, open_tree
from netspec.system.files import kind_of

__all__ = ["LENGTH", "Survey", "completed", "require_no_groups", "survey"]

LENGTH = 128
"""Tokens in an example of a text, where neither the data nor the input says it."""

_Seen: TypeAlias = "tuple[Pictures, tuple[int, int, int] | None]"

_LOOKED_AT, _LARGEST = 16, 512
"""So many pictures are looked at to see how large they are; they are an input as they are up to such sides."""

_QUICK = 64_000_000
"""Bytes of an archive that is unpacked as a whole to see what is in it: larger ones wait for the training."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of data before it is loaded.

    Attributes:
        data: as declared, with what follows from the file written out.
        inputs: what an example is, where the network need not say it.
        tokens: how many tokens there are; None where there are none.
        classes: how many classes there are; None where that is not known.
        vocabulary: of a text.
        notices: what the user should know of it.
        amounts: of a table the columns that are learned and are no classes.
        targets: of a table what is in each column that is learned.
        of_log: whether the logarithms of it are learned.
        pictures: what a folder or an archive of them holds.
        unclear: why arrays say no input, and what to write; None where they do.
        of_arrays: whether it is arrays of NumPy.
        files: of a table the inputs that read pictures, whose size it does not say.
        labels: of words those that they have.
    """

    data: DataSource
    inputs: tuple[Input, ...] = ()
    tokens: int | None = None
    classes: int | None = None
    vocabulary: Vocabulary | None = None
    notices: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    targets: tuple[Column, ...] = ()
    of_log: bool = False
    pictures: Pictures | None = None
    unclear: Wrong | None = None
    of_arrays: bool = False
    files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def survey(data: DataSource, folder: Path, asked: Mapping[str, Sequence[str]] | None = None) -> Survey | None:
    """Return what the data of a spec is; None where nothing can be told of it here.

    Args:
        data: as declared.
        folder: of the spec.
        asked: of a table the columns that each input names.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    info = find(data.name)
    if info:
        return Survey(data, (Input(shape=info.shape),), classes=len(info.labels))
    if kind_of(folder / data.name, DataError) is None and data.fallback:
        found = survey(data.model_copy(update={"name": data.fallback, "fallback": None}), folder, asked)
        return found and replace(found, data=data)
    if holds_arrays(folder / data.name, DataError):
        if kind_of(folder / data.name, DataError) is None:
            return None
        require_kind(data, folder / data.name, data.name)
        arrays = survey_arrays(data, folder / data.name)
        shape = arrays.shape
        inputs = (Input(shape=shape),) if shape else ()
        return Survey(data, inputs, classes=arrays.classes, unclear=arrays.unclear, of_arrays=True)
    if data.is_table:
        if data.group and kind_of(folder / data.name, DataError) == "folder":
            require_kind(data, folder / data.name, data.name)
        # What reads tables is imported by those alone who have one.
        from netspec.sources.tables.survey import survey_table  # noqa: PLC0415

        return survey_table(data, folder, asked)
    if not data.is_text:
        return _of_pictures(data, folder)
    if data.is_tagged:
        return _of_sentences(completed(data), folder)
    if has_classes(data, folder):
        return _of_text_classes(completed(data, whole=True), folder)
    require_no_groups(data)
    data = completed(data)
    assert data.text is not None
    assert data.text.length is not None
    parts = divided_text(folder / data.name, data.name, data.text, data.test, how=HowRead.of(data))
    vocabulary = parts.vocabulary(data.text.unit, data.text.size, tokenizer_of(data.text, folder))
    tokens = len(vocabulary)
    given = Input(shape=(data.text.length,), tokens=tokens)
    return Survey(data, (given,), tokens, None, vocabulary, parts.notices)


def _of_text_classes(data: DataSource, folder: Path) -> Survey | None:
    """Return what texts in folders of classes are; None where they are too many to be read in a check."""
    from netspec.sources.texts.classes import fit_texts, labelled_texts, size_of  # noqa: PLC0415

    path = folder / data.name
    if size_of(path, data.name) > _QUICK:
        return None
    found = labelled_texts(path, test=data.test, how=HowRead.of(data))
    fitted = fit_texts(found, data, folder)
    tokens = fitted.input.tokens
    given = Input(shape=fitted.input.shape, tokens=tokens, mask=0)
    return Survey(data, (given,), tokens, len(found.classes), notices=fitted.notices)


def _of_sentences(data: DataSource, folder: Path) -> Survey | None:
    """Return what sentences with a label for each word are; None where they are too many to be read in a check."""
    from netspec.sources.texts.tagged import fit_sentences, read_sentences  # noqa: PLC0415

    path = folder / data.name
    if kind_of(path, DataError) == "file" and is_larger(path, _QUICK):
        return None
    fitted = fit_sentences(read_sentences(path, data.name, how=HowRead.of(data)), data)
    tokens = fitted.input.tokens
    given = Input(shape=fitted.input.shape, tokens=tokens, mask=0)
    labels = fitted.classes
    return Survey(data, (given,), tokens, len(labels), notices=fitted.notices, labels=labels)


def _of_pictures(data: DataSource, folder: Path) -> Survey | None:
    """Return what a folder or an archive of pictures or sounds is; None where that takes long, or it is other data."""
    path = folder / data.name
    if not holds_pictures(path):
        return None
    labelled = data.target == "label"
    kind = SOUNDS if data.sound else PICTURES
    shape: tuple[int, ...] | None
    if not is_archive(path.name) or kind_of(path, DataError) != "file":
        found, shape = _looked_at(path, data.name, data.test, labelled, kind)
    else:
        facts = path.stat()
        if is_packed(path.name) and facts.st_size > _QUICK:
            return None
        found, shape = _archive(path, data.name, data.test, labelled, kind, facts.st_mtime_ns, facts.st_size)
    shape = data.sound.shape if data.sound else shape
    if data.group and data.groups_files:
        files = {part: own.files for part, own in found.parts.items()}
        require_apart(groups_of(data.name, files, found.depth, data.group, kind), files, data.name)
    return Survey(data, (Input(shape=shape),) if shape else (), None, len(found.classes) or None, pictures=found)


@lru_cache(maxsize=4)
def _archive(path: Path, name: str, test: float | None, labelled: bool, kind: FileKind, *same: int) -> _Seen:
    """Return what is in an archive, which is read once while it stays the `same`."""
    del same
    return _looked_at(path, name, test, labelled, kind)


def _looked_at(path: Path, name: str, test: float | None, labelled: bool, kind: FileKind) -> _Seen:
    with open_tree(path, name) as tree:
        found = pictures_of(tree, test=test, labelled=labelled, kind=kind)
        return found, None if kind is SOUNDS else _common_shape(tree, found)


def _common_shape(tree: Tree, found: Pictures) -> tuple[int, int, int] | None:
    """Return the size that some of the pictures all have; None where they differ, or are as large as photographs."""
    files = found.train.files
    some = files[:: max(1, len(files) // _LOOKED_AT)][:_LOOKED_AT]
    sizes = set()
    for _, read in tree.each(some):
        try:
            header = header_of(read())
        except DataError:
            return None  # what cannot be read is said, or left out, when all are read
        if header is None or max(header) > _LARGEST:
            return None
        sizes.add(header)
    shapes = {size[1:] for size in sizes}
    return (max(size[0] for size in sizes), *shapes.pop()) if len(shapes) == 1 else None


def require_no_groups(data: DataSource) -> None:
    """Raise DataError where a text that is learned onward is to be divided by the names of files."""
    if data.group:
        raise DataError(
            f"`group` keeps texts of classes together, and {data.name} is learned onward: it is divided at its end",
            "leave `group` out, or give a folder for each class",
        )


def completed(data: DataSource, length: int | None = None, *, whole: bool = False) -> DataSource:
    """Return the settings of a text with what goes without saying: it is cut into characters, and learned onward.

    Args:
        data: as declared.
        length: of the network's input, where that is declared.
        whole: whether each of several texts has a class, which is learned instead.
    """
    if data.is_tagged:
        text = data.text or Text(unit="words")
        return data.model_copy(
            update={"text": text.model_copy(update={"tagged": True, "length": text.length or length})}
        )
    text = data.text or Text()
    if whole:
        text = text.model_copy(update={"whole": True, "length": text.length or length})
        return data.model_copy(update={"text": text, "target": "label"})
    text = text if text.length else text.model_copy(update={"length": length or LENGTH})
    return data.model_copy(update={"text": text, "target": "next"})
