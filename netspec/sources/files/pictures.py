"""Folders and archives of pictures, sounds or texts: classes, masks, and the files of each part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from unicodedata import normalize

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.recipe.array_files import ARRAY_ENDINGS, holds_arrays
from netspec.recipe.class_names import in_order
from netspec.recipe.data_headers import IDX_NAMES, find_idx
from netspec.recipe.file_names import TABLE_ENDINGS
from netspec.sources.files.advice import moved_out, tables_of, with_a_table
from netspec.sources.files.kinds import PICTURES, SOUNDS, FileKind
from netspec.sources.files.mask_folders import IMAGES, MASKS, masks_of, maybe_no_class, said_of_masks, stem_of
from netspec.sources.files.sounds import line_for, of_other_forms
from netspec.sources.other_files import conversion_of_most
from netspec.sources.trees import Tree, is_archive
from netspec.system.files import kind_of

__all__ = ["PARTS", "Labelled", "Pictures", "holds_pictures", "pictures_of"]

PARTS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""The parts of a dataset, by the names of their folders in lower case."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Labelled:
    """The pictures of one part.

    Attributes:
        files: their names.
        labels: the class of each, as a number.
        masks: the name of the mask of each; empty where they are of classes.
    """

    files: tuple[str, ...]
    labels: tuple[int, ...] = ()
    masks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a folder or archive of pictures holds.

    Attributes:
        classes: their names in order; none where there are masks, or nothing but pictures.
        parts: `train`, and `validation` and `test` where they have folders of their own.
        has_masks: whether each picture has one.
        notices: what was left out.
        depth: in how many folders of the tree a file lies at least: that of its class, and those around it.
    """

    classes: tuple[str, ...]
    parts: Mapping[str, Labelled]
    has_masks: bool = False
    notices: tuple[str, ...] = field(default=())
    depth: int = 0

    @property
    def train(self) -> Labelled:
        """The pictures to learn from."""
        return self.parts["train"]


def holds_pictures(path: Path) -> bool:
    """Return whether a path is data of this kind: an archive, or a folder that is none of IDX files."""
    if is_archive(path.name):
        return True
    if path.suffix.lower() in ARRAY_ENDINGS or kind_of(path, DataError) != "folder" or holds_arrays(path, DataError):
        return False
    return not any(find_idx(path, name) for name in IDX_NAMES)


def pictures_of(
    tree: Tree,
    *,
    test: float | None = None,
    labelled: bool = True,
    known: Sequence[str] = (),
    kind: FileKind = PICTURES,
) -> Pictures:
    """Return what a tree of files holds.

    Args:
        tree: the files.
        test: what is asked for as the test part.
        labelled: whether folders are classes; else all that are there are pictures without any.
        known: the classes that a model has learned, by which they are numbered.
        kind: what is looked for: pictures, or other files that lie in folders likewise.

    Raises:
        DataError: there are no pictures, no classes, or parts that do not go together.
    """
    files = [file for file in tree.files if PurePosixPath(file).suffix.lower() in kind.endings]
    if not files:
        raise _nothing_there(tree, kind)
    root = _root(files)
    folders = _below(tree.folders, root)
    inside = _below(files, root)
    by_part = _by_part(tree, inside, kind)
    notices = [
        *tree.notices,
        *([f"{tree.name}: {said}"] if kind is SOUNDS and (said := of_other_forms(tree.files)) else []),
    ]
    depth = root.count("/") + (by_part.keys() != {""})
    masks = masks_of(by_part, known) if kind.masks else []
    notices += said_of_masks(tree.name, by_part, bool(masks)) if kind.masks and (masks or labelled) else []
    if masks:
        paired = {part: _paired(tree, found, root, part if by_part.keys() != {""} else "") for part, found in masks}
        parts = _divided_by_name(paired, root) if by_part.keys() == {""} else paired
        deep = depth + 1 + (by_part.keys() == {""} and parts is not paired and len(parts) > 1)
        found = Pictures((), _complete(tree, parts, test, kind), has_masks=True, notices=tuple(notices), depth=deep)
    elif not labelled:
        plain = {part or "train": tuple(root + file for file in own) for part, own in by_part.items()}
        parts = {part: Labelled(own, (0,) * len(own)) for part, own in plain.items()}
        found = Pictures((), _complete(tree, parts, test, kind), notices=tuple(notices), depth=depth)
    else:
        found = _with_classes(tree, by_part, folders, root, test, known, notices, kind)
    return found


def _nothing_there(tree: Tree, kind: FileKind) -> DataError:
    """Return what is wrong with a tree that has none of the files that are looked for."""
    other = f"; it has {plural(len(tree.files), 'other file')}" if tree.files else ""
    said = "; ".join(["", *tree.notices])
    fix = kind.example
    sounds = sum(PurePosixPath(file).suffix.lower() in SOUNDS.endings for file in tree.files)
    if kind is PICTURES and 2 * sounds > len(tree.files):
        own = f"{tree.name} has {plural(sounds, 'sound')}, and no pictures in it{said}"
        return DataError(own, line_for(tree))
    tables = [file for file in tree.files if file.lower().endswith(TABLE_ENDINGS)]
    texts = sum(file.lower().endswith(".txt") for file in tree.files)
    # As the spec names it, if it does; of a path from elsewhere as one beside it would.
    own = PurePosixPath(tree.name).name if PurePath(tree.name).is_absolute() else tree.name
    if kind is PICTURES and 2 * texts > len(tree.files):
        fix = f'they are texts: say how they are cut into tokens, `data "{own}" {{ text words }}`'
    elif len(tables) == 1 and tree.name.lower().endswith(".zip"):
        fix = f'it has a table: say which column is learned, `data "{own}" {{ target NAME }}`'
    elif tables and is_archive(tree.name):
        fix = f"unpack it, and name a table that is in it, such as {tables[0]}"
    elif tables:
        fix = f"name a table that is in it, such as {tree.name.rstrip('/')}/{tables[0]}"
    else:
        fix = conversion_of_most(tree.files) or fix
    return DataError(f"{tree.name} has no {kind.one}s in it{other}{said}", fix)


def _root(files: Sequence[str]) -> str:
    """Return the folder, with a slash behind it, that all is in: an archive often has one around everything."""
    root = ""
    while True:
        inside = _below(files, root)
        first = {file.split("/")[0] if "/" in file else "" for file in inside}
        (only, *others) = first
        deeper = [file.split("/")[1:] for file in inside]
        if others or not only or only.lower() in {*PARTS, IMAGES, MASKS} or any(len(d) < 2 for d in deeper):
            return root
        root += only + "/"


def _below(names: Iterable[str], root: str) -> list[str]:
    return [name[len(root) :] for name in names if name.startswith(root)]


def _by_part(tree: Tree, files: Sequence[str], kind: FileKind) -> dict[str, list[str]]:
    """Return the pictures by their part, each from the top of the tree's root; under an empty name if there is none."""
    first = {file.split("/")[0] for file in files if "/" in file}
    named = {name: PARTS[name.lower()] for name in first if name.lower() in PARTS}
    others = sorted(first - set(named))
    if not named or (others and "train" not in named.values()):
        # A class may be called `test`.
        return {"": list(files)}
    twice = next((part for part, count in Counter(named.values()).items() if count > 1), None)
    if twice:
        both = listing([f"{name}/" for name, part in sorted(named.items()) if part == twice], "and")
        raise DataError(f"{tree.name} has {both}, which are the same part", "keep one of them")
    if others:
        raise DataError(
            f"{tree.name} has {others[0]}/ beside {listing([f'{n}/' for n in sorted(named)], 'and')}",
            "put the folders of classes into train/ and test/",
        )
    if "train" not in named.values():
        raise DataError(
            f"{tree.name} has {listing([f'{n}/' for n in sorted(named)], 'and')}, but no train/ to learn from",
            f"put the {kind.one}s to learn from into train/",
        )
    found: dict[str, list[str]] = {}
    for file in files:
        first_name = file.split("/")[0]
        if "/" in file and first_name in named:
            found.setdefault(named[first_name], []).append(file)
    return found


# --- classes ------------------------------------------------------------------------------------------------------


def _with_classes(
    tree: Tree,
    by_part: Mapping[str, list[str]],
    folders: Sequence[str],
    root: str,
    test: float | None,
    known: Sequence[str],
    notices: list[str],
    kind: FileKind,
) -> Pictures:
    # What is wrong with the pictures to learn from is said first.
    in_order_of_use = sorted(by_part, key=lambda part: part != "train")
    own = {part: dict(_classified(tree, by_part[part], part, root, kind)) for part in in_order_of_use}
    train = own.get("train", own.get("", {}))
    counts = Counter(train.values())
    names = tuple(known) or in_order(counts)
    if not known:
        depth = 0 if "" in by_part else 1
        _require_full(tree, folders, depth, counts, kind)
        if len(names) < 2:
            raise DataError(
                f"{tree.name} has one class, {names[0]}: there is nothing to tell apart",
                _named_by_table(tree, root, list(train), kind) or "give a folder for each class",
            )
    numbers = {name: i for i, name in enumerate(names)}
    for part, classified in own.items():
        lost = next((file for file, name in classified.items() if name not in numbers), None)
        if lost is not None:
            name = classified[lost]
            near = nearest(name, names)
            lacking = "the model" if known else "train/"
            fix = f"did you mean {near!r}? else " if near else ""
            if part in {"test", "validation"} and set(classified.values()) == {name}:
                fix = f"if these have no classes, {moved_out(tree, root + lost.split('/')[0])}; else " + fix
            raise DataError(
                f"{tree.shown(root + lost)} is of the class {name!r}, which {lacking} does not have",
                f"{fix}leave {part + '/' if part else ''}{name} out" + ("" if known else ", or give train/ some of it"),
            )
    parts = {
        part or "train": Labelled(tuple(root + f for f in found), tuple(numbers[name] for name in found.values()))
        for part, found in own.items()
    }
    parts = dict(_complete(tree, parts, test, kind))
    if "test" not in parts and not known:
        alone = next((name for name in names if counts[name] == 1), None)
        if alone is not None:
            raise DataError(
                f"{tree.name} has one {kind.one} of the class {alone}: it cannot be learned and tested both",
                "give more of them, or leave the class out",
            )
    odd = sorted(name for name in names if maybe_no_class(name) or name.lower() in PARTS)
    if odd and not known and kind.named:
        largest = max(odd, key=lambda name: counts[name])
        tables = tables_of(tree, [root + file for file, name in train.items() if name == largest])
        if tables:
            all_of = listing([f"{name}/" for name in odd], "and")
            table = tree.shown(tables[0])
            said = f"{tree.name}: {all_of} {'are' if odd[1:] else 'is'} read as {'classes' if odd[1:] else 'a class'}"
            notices.append(f"{said}; {table} names the {kind.one}s: name it to learn its columns")
    depth = root.count("/") + ("" not in by_part) + 1
    return Pictures(names, parts, notices=tuple(notices), depth=depth)


def _classified(tree: Tree, files: Sequence[str], part: str, root: str, kind: FileKind) -> Iterator[tuple[str, str]]:
    """Yield files with the name of their class: the folder that they lie in, within that of their part."""
    depth = 1 if part else 0
    loose = [file for file in files if file.count("/") <= depth]
    if loose and part in {"test", "validation"} and len(loose) == len(files):
        folder = root + files[0].split("/")[0]
        message = f"{tree.shown(folder)} has {plural(len(files), kind.one)} in no folder of a class"
        raise DataError(message, f"where they have none, {moved_out(tree, folder)}")
    if loose:
        where = "its class" if len(loose) < len(files) else "a class"
        raise DataError(
            f"{tree.shown(root + loose[0])} is in no folder of {where}"
            + (f", as {plural(len(loose) - 1, 'other')}" if loose[1:] else ""),
            _named_by_table(tree, root, loose, kind) or _without_class(kind),
        )
    for file in files:
        name = normalize("NFC", file.split("/")[depth])
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError(
                f"{tree.name} has a folder whose name is no UTF-8: {name!r}", "give it another name"
            ) from None
        yield file, name


def _named_by_table(tree: Tree, root: str, files: Sequence[str], kind: FileKind) -> str:
    """Return which table to name instead, where one names these files; else nothing."""
    return with_a_table(tree, [root + file for file in files], kind) if kind.named else ""


def _without_class(kind: FileKind) -> str:
    """Return what to do with files that lie in no folder of a class."""
    other = "`target input`" if kind.named else "`target next`"
    return f"put each {kind.one} into a folder named as its class; or {other} learns without classes"


def _require_full(tree: Tree, folders: Sequence[str], depth: int, counts: Mapping[str, int], kind: FileKind) -> None:
    """Raise DataError where a folder that is to be a class has none of the files in it."""
    for folder in folders:
        parts = folder.split("/")
        if len(parts) != depth + 1 or (depth and PARTS.get(parts[0].lower()) != "train"):
            continue
        if normalize("NFC", parts[-1]) not in counts:
            raise DataError(f"{tree.shown(folder)} has no {kind.one}s in it", "put some into it, or remove the folder")


# --- masks --------------------------------------------------------------------------------------------------------


def _paired(tree: Tree, own: Mapping[str, list[str]], root: str, part: str) -> Labelled:
    """Return pictures with their masks, by what they are called within their folders."""
    depth = 2 if part else 1
    stems = {kind: _by_stem(tree, files, depth, root) for kind, files in own.items()}
    lone = {kind: sorted(set(stems[kind]) - set(stems[other])) for kind, other in ((IMAGES, MASKS), (MASKS, IMAGES))}
    for kind, other in ((IMAGES, "mask"), (MASKS, "picture")):
        if lone[kind]:
            shown = [tree.shown(root + stems[kind][stem]) for stem in lone[kind][:_SHOWN]]
            more = len(lone[kind]) - len(shown)
            said = listing([*shown, *([f"{more:,} more"] if more else [])], "and")
            have = "has" if len(lone[kind]) == 1 else "have"
            raise DataError(f"{said} {have} no {other}", "a picture and its mask have the same name")
    names = sorted(stems[IMAGES])
    return Labelled(tuple(root + stems[IMAGES][n] for n in names), masks=tuple(root + stems[MASKS][n] for n in names))


def _by_stem(tree: Tree, files: Sequence[str], depth: int, root: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        stem = stem_of(file, depth)
        if stem in found:
            raise DataError(
                f"{tree.shown(root + found[stem])} and {tree.shown(root + file)} have the same name", "keep one"
            )
        found[stem] = file
    return found


def _divided_by_name(paired: Mapping[str, Labelled], root: str) -> dict[str, Labelled]:
    """Return the parts of what lies as `images/train/…`; what has no such folders is all to learn from."""
    whole = paired["train"]
    pieces = [file[len(root) :].split("/") for file in whole.files]
    parts = [PARTS.get(p[1].lower()) if len(p) > 2 else None for p in pieces]
    if None in parts or "train" not in parts:
        return {"train": whole}
    found = {}
    for part in dict.fromkeys(p for p in parts if p):
        at = [i for i, p in enumerate(parts) if p == part]
        found[part] = Labelled(tuple(whole.files[i] for i in at), masks=tuple(whole.masks[i] for i in at))
    return found


def _said(test: float) -> str:
    """Return how a spec says what is for the test: a share in percent, or a number."""
    return f"{test}" if isinstance(test, int) else f"{100 * test:g}%"


def _complete(tree: Tree, parts: Mapping[str, Labelled], test: float | None, kind: FileKind) -> Mapping[str, Labelled]:
    """Return the parts; raises DataError where a test part is asked for, and there is one."""
    if test is not None and "test" in parts:
        message = f"`test {_said(test)}` draws {kind.one}s for the test, but {tree.name} has a test/ of its own"
        raise DataError(message, "leave `test` out")
    return {part: parts[part] for part in ("train", "validation", "test") if part in parts}
