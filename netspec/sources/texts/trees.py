"""Folders and archives of texts: what is in each, and the one text that they make together for a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.draws import chosen, drawn
from netspec.sources.files.kinds import FileKind
from netspec.sources.files.pictures import pictures_of
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.texts.reading import TEST_SHARE, DividedText, divided, read_text, require_readable, text_of
from netspec.sources.trees import Tree, is_archive, open_tree
from netspec.system.files import kind_of

__all__ = ["BETWEEN", "TEXTS", "divided_text", "has_classes", "holds_files", "read_all"]

TEXTS = FileKind("text", frozenset({".txt"}), "name a folder of .txt files, or a .zip or .tar of such a folder")

BETWEEN = "\n\n"
"""What stands between two texts that are joined: an empty line."""

_SHOWN = 3


def holds_files(path: Path) -> bool:
    """Return whether a path is a folder or an archive, which may hold texts."""
    kind = kind_of(path, DataError)
    return kind == "folder" or (kind == "file" and is_archive(path.name))


def has_classes(data: DataSource, folder: Path) -> bool:
    """Return whether texts have classes: they lie in a folder or an archive, and nothing else is to be learned.

    Args:
        data: as declared.
        folder: of the spec.
    """
    if data.text is not None and data.text.whole:
        return True
    if not data.is_text or data.target != "label" or data.is_tagged:
        return False
    try:
        names = [name for name in (data.name, data.fallback) if name]
        there = next((folder / name for name in names if kind_of(folder / name, DataError)), None)
        if there is not None:
            return holds_files(there)
    except DataError:
        return False
    # What is missing is said elsewhere; until then it is what its name looks like.
    return is_archive(data.name) or "." not in PurePosixPath(data.name).name


def read_all(tree: Tree, files: Sequence[str], how: HowRead = AS_IT_IS) -> list[str]:
    """Return the texts in some files, without blanks around them.

    Raises:
        DataError: some are in another encoding, or cannot be read.
    """
    texts = [""] * len(files)
    bad: dict[int, DataError] = {}
    for at, read in tree.each(files):
        try:
            texts[at] = text_of(read(), tree.shown(files[at]), how).strip()
        except DataError as error:
            bad[at] = error
    if bad:
        first, *others = (bad[at] for at in sorted(bad))
        if not others:
            raise first
        shown = [tree.shown(files[at]) for at in sorted(bad)[1:_SHOWN]]
        more = len(others) - len(shown)
        also = listing([*shown, *([f"{more:,} more"] if more else [])], "and")
        raise DataError(f"{first.message}; likewise {also} cannot be read", first.fix)
    return texts


def divided_text(
    path: Path,
    name: str,
    settings: Text,
    test: float | None,
    *,
    learned: bool = False,
    how: HowRead = AS_IT_IS,
) -> DividedText:
    """Return a text in its parts; those of a folder or an archive are joined in the order of their names.

    Where there is no folder `test/`, whole texts are drawn for the test, by a hash of each.

    Args:
        path: of the text, the folder or the archive.
        name: what messages call it.
        settings: how it is cut into tokens.
        test: how much is for the test: of one text examples or a share, of several texts or a share of them.
        learned: whether a model is looked at with it; then a folder for the test is that part, whatever `test` says,
            and what cannot be divided is all for the test.
        how: how the texts are encoded.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    if not holds_files(path):
        return divided(read_text(path, name, how=how), settings, test)
    with open_tree(path, name) as tree:
        parts = pictures_of(tree, test=None if learned else test, labelled=False, kind=TEXTS).parts
        if not is_archive(path.name):
            files = [file for found in parts.values() for file in found.files]
            require_readable(sum((path / file).stat().st_size for file in files), name)
        texts = {part: [text for text in read_all(tree, found.files, how) if text] for part, found in parts.items()}
        notices = list(tree.notices)
        empty = sum(len(found.files) for found in parts.values()) - sum(map(len, texts.values()))
    if empty:
        notices.append(f"{plural(empty, 'text')} of {path.name} {'is' if empty == 1 else 'are'} empty")
    if not texts["train"]:
        raise DataError(f"{name} has no text that is not empty", "give some to learn from")
    if "test" not in texts and len(texts["train"]) == 1:
        return divided(_joined(texts["train"]), settings, test)
    is_cut = "test" not in texts
    if is_cut:
        try:
            texts |= _drawn(texts["train"], name, TEST_SHARE if test is None else test)
        except DataError:
            if not learned:
                raise
            texts |= {"train": [], "test": texts["train"]}
        count = len(texts["test"])
        notices.append(
            f"{plural(count, 'text')} of {count + len(texts['train']):,} in {path.name}, drawn by a hash of each, "
            f"{'is' if count == 1 else 'are'} for the test"
        )
    made = {part: _joined(own) for part, own in texts.items()}
    return DividedText(made["train"], made["test"], made.get("validation", ""), tuple(notices), is_cut)


def _joined(texts: Sequence[str]) -> str:
    return BETWEEN.join(texts) + "\n" if texts else ""


def _drawn(texts: Sequence[str], name: str, test: float) -> Mapping[str, list[str]]:
    """Return texts to learn from, and texts for the test: one of each at least."""
    draw = drawn("test")
    places = [draw(text.encode()) for text in texts]
    kept = chosen(places, test)
    if not isinstance(test, int):
        # Of few texts a share may draw none, or all: then it is what would be drawn first, or last.
        kept = kept if any(kept) else [place == min(places) for place in places]
        kept = [place != max(places) for place in places] if all(kept) else kept
    if not any(kept) or all(kept):
        said = f"{test}" if isinstance(test, int) else f"{100 * test:g}%"
        raise DataError(
            f"`test {said}` of {plural(len(texts), 'text')} in {name} leaves none "
            f"{'to learn from' if all(kept) and test else 'for the test'}",
            "say how many of them are for the test, such as `test 1`, or give more that differ",
        )
    return {
        "train": [text for text, out in zip(texts, kept, strict=True) if not out],
        "test": [text for text, out in zip(texts, kept, strict=True) if out],
    }
