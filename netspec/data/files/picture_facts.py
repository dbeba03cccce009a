"""A look at a folder or an archive of pictures: sizes, what cannot be read, what is there twice, some to be drawn."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.data.files.decode_files import in_threads
from netspec.data.files.decoding import quiet
from netspec.data.files.picture_files import mask_of, picture_of, size_of
from netspec.data.types import Decoding, DownloadProgress
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.pictures import Labelled, Pictures, pictures_of
from netspec.sources.trees import Read, Tree, open_tree

__all__ = ["PictureFacts", "picture_facts", "spread"]

_DRAWN, _SIDE = 40, 64
"""So many pictures are kept to be drawn, so large."""


@dataclass(slots=True)
class PictureFacts:
    """What was seen of pictures.

    Attributes:
        pictures: the classes and parts.
        sizes: how many pictures have each width and height.
        grey: how many have one channel.
        bad: what is wrong with those that cannot be read.
        twice: the parts and names of pictures with the same content.
        images: some of the training part, (N, 3, H, W).
        drawn: the places of these in the training part.
        values: of masks: how many pixels have each value.
    """

    pictures: Pictures
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    grey: int = 0
    bad: list[str] = field(default_factory=list)
    twice: list[list[tuple[str, str]]] = field(default_factory=list)
    images: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3, _SIDE, _SIDE), np.uint8))
    drawn: list[int] = field(default_factory=list)
    values: Counter[int] = field(default_factory=Counter)


def picture_facts(path: Path, name: str, progress: DownloadProgress | None = None) -> PictureFacts:
    """Return what there is to see in a folder or an archive of pictures; every picture is decoded.

    Raises:
        DataError: there are none, or no classes.
    """
    with open_tree(path, name) as tree:
        facts = PictureFacts(pictures_of(tree))
        same: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
        for part, labelled in facts.pictures.parts.items():
            _look(tree, part, labelled, facts, same, progress)
    facts.twice = [sorted(group) for group in same.values() if len(group) > 1]
    return facts


def spread(labelled: Labelled) -> list[int]:
    """Return the places of some files, of all classes in turn."""
    if not labelled.labels or labelled.masks:
        return list(range(min(_DRAWN, len(labelled.files))))
    by_class: Mapping[int, list[int]] = defaultdict(list)
    for at, label in enumerate(labelled.labels):
        by_class[label].append(at)
    rounds = (own[turn] for turn in range(_DRAWN) for _, own in sorted(by_class.items()) if turn < len(own))
    return sorted(at for at, _ in zip(rounds, range(_DRAWN), strict=False))


def _look(
    tree: Tree,
    part: str,
    labelled: Labelled,
    facts: PictureFacts,
    same: dict[bytes, list[tuple[str, str]]],
    progress: DownloadProgress | None,
) -> None:
    files = labelled.files
    chosen = set(spread(labelled)) if part == "train" else set()
    kept: dict[int, NDArray[np.uint8]] = {}
    found: dict[int, tuple[bytes, tuple[int, int], bool]] = {}
    bad: dict[int, str] = {}

    def one(at: int, read: Read) -> None:
        shown = tree.shown(files[at])
        try:
            content = read()
            pixels, _ = picture_of(content, shown, (3, _SIDE, _SIDE), "fit", is_quiet=True)
            with Image.open(io.BytesIO(content)) as image:
                grey = image.mode in {"1", "L", "I", "I;16"}
            found[at] = (blake2b(content, digest_size=16).digest(), size_of(content), grey)
        except DataError as error:
            bad[at] = error.message
            return
        if at in chosen:
            kept[at] = pixels

    def told(done: int) -> None:
        if progress:
            progress(Decoding(tree.name), done, len(files))

    with quiet():
        in_threads(tree, files, one, told)
        _count_values(tree, labelled, facts, found, bad)
    for at, (digest, size, grey) in sorted(found.items()):
        same[digest].append((part, files[at]))
        facts.sizes[size] += 1
        facts.grey += grey
    facts.bad += [bad[at] for at in sorted(bad)]
    if kept:
        facts.drawn = sorted(kept)
        facts.images = np.stack([kept[at] for at in facts.drawn])


def _count_values(
    tree: Tree, labelled: Labelled, facts: PictureFacts, found: Mapping[int, Sequence[object]], bad: dict[int, str]
) -> None:
    for at, read in tree.each(labelled.masks):
        try:
            values = mask_of(read(), tree.shown(labelled.masks[at]), (_SIDE, _SIDE), "stretch", None)
        except DataError as error:
            bad.setdefault(-1 - at, error.message)
            continue
        if at in found:
            facts.values.update(dict(zip(*(a.tolist() for a in np.unique(values, return_counts=True)), strict=True)))
