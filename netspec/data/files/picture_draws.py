"""Which pictures are for training, for validation and for the test: drawn by a hash of each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.files.decode_files import decode_all
from netspec.data.files.forms import PictureForm, SoundForm
from netspec.data.types import DownloadProgress
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.sound_settings import Sound
from netspec.sources.draws import RULE, TEST_SHARE, Rule, chosen, drawn, drawn_by_class
from netspec.sources.files.groups import groups_of, require_apart
from netspec.sources.files.kinds import PICTURES, FileKind
from netspec.sources.files.pictures import Labelled, Pictures, pictures_of
from netspec.sources.files.sounds import are_sounds
from netspec.sources.trees import Tree, open_tree

__all__ = ["Drawing", "classes_of", "groups_of_pictures", "parts_of_pictures"]

_SOUND = Sound(rate=1000, seconds=0.1)
_SIDE = 8
"""Files whose parts are listed are decoded as small as this: only whether they can be read matters."""


def classes_of(found: Pictures, kept: Sequence[int]) -> list[str]:
    """Return the class of each picture to learn from that could be read; nothing where there are none, or masks."""
    if not found.classes or found.has_masks:
        return [""] * len(kept)
    return [found.classes[found.train.labels[at]] for at in kept]


def groups_of_pictures(tree: Tree, found: Pictures, data: DataSource, kind: FileKind) -> dict[str, list[str]]:
    """Return the group of each picture of each part; nothing where the spec names none.

    Raises:
        DataError: a name is not as the pattern says, or a group is in two parts that the data has of its own.
    """
    if not data.group or not data.groups_files:
        return {}
    files = {part: own.files for part, own in found.parts.items()}
    groups = groups_of(tree.name, files, found.depth, data.group, kind)
    shown = {part: [tree.shown(file) for file in own.files] for part, own in found.parts.items()}
    require_apart(groups, shown, tree.name)
    return groups


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws pictures of the training part for the test and for validation; equal ones are on the same side.

    Attributes:
        digests: of the content of each picture.
        classes: the name of the class of each.
        name: what messages call the data.
        rule: how they are drawn.
        groups: the group of each, all of which is on the same side; none where each picture is drawn by itself.
        kind: what they are.
    """

    digests: Sequence[bytes]
    classes: Sequence[str]
    name: str
    rule: Rule = RULE
    groups: Sequence[str] = ()
    kind: FileKind = PICTURES

    def parts(self, data: DataSource | None, given: Mapping[str, object]) -> dict[str, NDArray[np.int64]]:
        """Return the places of each part that is drawn, and of what is left to learn from.

        Where `validation` is a number, those for validation are the last ones to learn from: of files in their own
        order these would be of one class.

        Raises:
            DataError: none is drawn, or none is left.
        """
        left = np.arange(len(self.digests))
        found = {}
        if "test" not in given:
            test = TEST_SHARE if data is None or data.test is None else data.test
            at = self._drawn("test", left, test)
            found["test"], left = left[at], left[~at]
        share = data.validation if data else 0
        drawn_alone = isinstance(share, float) and self.rule > 1
        if share and (drawn_alone or self.groups) and "validation" not in given:
            at = self._drawn("validation", left, share)
            found["validation"], left = left[at], left[~at]
        held_out = data.held_out if data else 0
        last = np.zeros(len(left), bool)
        if self.rule > 1 and 0 < held_out < len(left):
            last = self._by_rule("validation", left, held_out)
        draw = drawn("validation")
        order = sorted(range(len(left)), key=lambda i: (last[i], -draw(self.digests[int(left[i])])))
        return {"train": left[np.asarray(order, np.int64)], **found}

    def _by_rule(self, purpose: str, at: NDArray[np.int64], part: float) -> NDArray[np.bool_]:
        digests = [self.groups[i].encode() if self.groups else self.digests[i] for i in at]
        if self.rule == 1:
            return np.array(chosen(list(map(drawn(purpose), digests)), part), bool)
        return np.array(drawn_by_class(purpose, digests, [self.classes[i] for i in at], part), bool)

    def _drawn(self, purpose: str, left: NDArray[np.int64], part: float) -> NDArray[np.bool_]:
        at = self._by_rule(purpose, left, part)
        every = at.all() or part >= len(at)
        if every or not at.any():
            lacking = "to learn from" if every else f"for the {purpose}"
            message = f"`{purpose} {part}` of {plural(len(at), self.kind.one)} in {self.name} leaves none {lacking}"
            if self.groups:
                count = len({self.groups[i] for i in left})
                raise DataError(f"{message}: they are {plural(count, 'group')}", "say more, or make smaller groups")
            raise DataError(message, f"say a number, such as `{purpose} 5`")
        return at


def parts_of_pictures(
    path: Path, name: str, data: DataSource | None, progress: DownloadProgress | None = None
) -> dict[str, list[tuple[str, ...]]]:
    """Return the pictures of each part as a training takes them: each file, its class, and its group if it has one.

    Raises:
        DataError: they cannot be read, or none is left for a part.
    """
    labelled = data is None or data.target == "label"
    with open_tree(path, name) as tree:
        sound = data.sound if data else _SOUND if are_sounds(path) else None
        form = SoundForm(sound) if sound else PictureForm((1, _SIDE, _SIDE), "stretch")
        found = pictures_of(tree, test=data.test if data else None, labelled=labelled, kind=form.kind)
        train = found.train
        decoded = decode_all(tree, train.files, (), form, skip_bad=True, progress=progress)
        groups = groups_of_pictures(tree, found, data, form.kind) if data else {}
        shown = {part: _listed(own, found.classes, groups.get(part)) for part, own in found.parts.items()}
    kept = decoded.kept.tolist()
    own_groups = [groups["train"][at] for at in kept] if groups else ()
    drawing = Drawing(decoded.digests, classes_of(found, kept), name, groups=own_groups, kind=form.kind)
    drawn_parts = {part: [shown["train"][kept[i]] for i in at] for part, at in drawing.parts(data, found.parts).items()}
    held_out = data.held_out if data else 0
    if held_out and "validation" not in found.parts:
        learned = drawn_parts["train"]
        drawn_parts |= {"train": learned[:-held_out], "validation": learned[-held_out:]}
    every = {**shown, **drawn_parts}
    return {part: sorted(every[part]) for part in ("train", "validation", "test") if part in every}


def _listed(part: Labelled, classes: Sequence[str], groups: Sequence[str] | None) -> list[tuple[str, ...]]:
    labels = [classes[label] for label in part.labels] if part.labels and classes else [""] * len(part.files)
    return list(zip(part.files, labels, *([groups] if groups else []), strict=True))
