"""Two folders side by side, of pictures and of their masks: which names tell them, and when they do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

__all__ = [
    "IMAGES",
    "MASKS",
    "mask_folder",
    "masks_of",
    "maybe_masks",
    "maybe_no_class",
    "said_of_masks",
    "stem_of",
    "without_masks",
]

IMAGES, MASKS = "images", "masks"
"""Folders of these names are always a pair; those of others are one if they have the same names of files."""

_ROLES = dict.fromkeys(("image", "images", "img", "imgs", "jpegimages", "photos", "pictures"), IMAGES)
_ROLES |= dict.fromkeys(("mask", "masks", "label", "labels", "annotation", "annotations", "annot", "anno"), MASKS)
_ROLES |= dict.fromkeys(("segmentation", "segmentations", "segmentationclass", "gt", "groundtruth", "targets"), MASKS)


def _role(name: str) -> str:
    return _ROLES.get(name.lower().replace("_", "").replace("-", "").replace(" ", ""), "")


def maybe_no_class(name: str) -> bool:
    """Return whether a folder is called as one of pictures or masks is, and rather not as a class."""
    return bool(_role(name))


def mask_folder(inside: Mapping[str, Collection[str]]) -> str:
    """Return which of two folders has the masks of the pictures in the other one; empty where neither has.

    Args:
        inside: what the files in each folder are called, without their endings.
    """
    if {name.lower() for name in inside} == {IMAGES, MASKS}:
        return next(name for name in inside if name.lower() == MASKS)
    masks = maybe_masks(tuple(inside))
    if not masks:
        return ""
    (images,) = set(inside) - {masks}
    return masks if set(inside[images]) == set(inside[masks]) else ""


def maybe_masks(names: Sequence[str]) -> str:
    """Return which of two folders is called as masks are, where the other is called as pictures are; else nothing."""
    roles = {_role(name): name for name in names}
    return roles[MASKS] if len(names) == 2 and set(roles) == {IMAGES, MASKS} else ""


def masks_of(by_part: Mapping[str, list[str]], classes: Collection[str] = ()) -> list[tuple[str, dict[str, list[str]]]]:
    """Return pictures and masks by their part; none where they do not lie in two such folders.

    Args:
        by_part: the files of each part.
        classes: what a model has learned as classes: folders of these names are no masks.
    """
    found = []
    for part, files in by_part.items():
        own = _in_folders(files, 1 if part else 0)
        if len(own) != 2 or "" in own or set(own) <= set(classes):
            return []
        stems = {name: [stem_of(file, 2 if part else 1) for file in inside] for name, inside in own.items()}
        masks = mask_folder(stems)
        if not masks:
            return []
        found.append((part or "train", {MASKS if name == masks else IMAGES: inside for name, inside in own.items()}))
    return found


def _in_folders(files: Iterable[str], depth: int) -> dict[str, list[str]]:
    """Return files by the folder so deep that they lie in; those in none under an empty name."""
    own: dict[str, list[str]] = {}
    for file in files:
        pieces = file.split("/")
        own.setdefault(pieces[depth] if len(pieces) > depth + 1 else "", []).append(file)
    return own


def stem_of(file: str, depth: int) -> str:
    """Return what a file is called within the folder so deep, without its ending."""
    return str(PurePosixPath(*file.split("/")[depth:]).with_suffix(""))


def said_of_masks(name: str, by_part: Mapping[str, list[str]], masks: bool) -> list[str]:
    """Return what to say where folders are read as masks, or as classes, which their names do not tell for sure."""
    for part, files in by_part.items():
        names = tuple(_in_folders(files, 1 if part else 0))
        own = maybe_masks(names)
        if own and {name.lower() for name in names} != {IMAGES, MASKS}:
            (other,) = set(names) - {own}
            if masks:
                return [f"{name}: {own}/ has the names of {other}/, and is read as its masks"]
            said = f"{name}: {other}/ and {own}/ are read as two classes"
            return [f"{said}: masks would have the names of their pictures"]
    return []


def without_masks(files: Sequence[str]) -> list[str]:
    """Return pictures without those in a folder of masks that has nothing but that of its pictures beside it."""
    beside: dict[str, dict[str, set[str]]] = {}
    for file in files:
        folders = file.split("/")[:-1]
        stem = str(PurePosixPath(file).with_suffix(""))
        for depth, name in enumerate(folders):
            above = "/".join(folders[:depth])
            below = stem[len("/".join(folders[: depth + 1])) :]
            beside.setdefault(above, {}).setdefault(name, set()).add(below)
    masks = {above: mask_folder(inside) for above, inside in beside.items()}

    def is_mask(file: str) -> bool:
        folders = file.split("/")[:-1]
        return any(name == masks["/".join(folders[:depth])] for depth, name in enumerate(folders))

    return [file for file in files if not is_mask(file)]
