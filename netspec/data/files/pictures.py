"""Folders and archives of pictures or sounds as datasets: of classes, or with a mask for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from netspec.data.files.decode_files import Decoded, decode_all, needed_memory
from netspec.data.files.forms import FileForm, PictureForm, form_of
from netspec.data.files.mask_values import Values, labels_of
from netspec.data.files.picture_draws import Drawing, classes_of, groups_of_pictures
from netspec.data.files.streamed_pictures import look_through
from netspec.data.labels import require_no_validation
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.graph.graph import Graph
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.sources.draws import RULE, TEST_SHARE
from netspec.sources.files.kinds import FileKind
from netspec.sources.files.pictures import Labelled, Pictures, pictures_of
from netspec.sources.preparation import Preparation
from netspec.sources.trees import Tree, open_tree
from netspec.system.memory import free_memory

__all__ = ["load_pictures"]


def load_pictures(
    path: Path,
    network: Network,
    graph: Graph,
    *,
    known: Sequence[str] = (),
    fitted: Preparation | None = None,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Return the pictures or sounds in a folder or an archive as a network takes them.

    Args:
        path: of the folder or archive.
        network: says what they become, and which part is for the test.
        graph: of the network.
        known: the classes that a model has learned.
        fitted: what a model was fitted to; its masks are read alike.
        progress: called while they are decoded.

    Raises:
        DataError: they cannot be read, do not fit the network, or do not go together.
    """
    data = network.data
    test = data.test if data else None
    skip_bad = data is not None and data.on_bad == "skip"
    if len(network.inputs) > 1:
        what = "sounds" if data and data.sound else "pictures"
        raise DataError(f"{path} has {what}, but the network has several inputs", "give it one")
    form = form_of(network, fitted, f"{path}")
    with ExitStack() as opened:
        tree = opened.enter_context(open_tree(path, str(path)))
        by_pixel = network.needs_targets and _answers_by_pixel(graph)
        known = () if by_pixel else known
        # A model is also looked at with pictures that have a test part of their own, whatever it was trained on.
        asked = None if fitted else test
        found = pictures_of(tree, test=asked, labelled=network.needs_targets, known=known, kind=form.kind)
        if network.needs_targets:
            _require_targets(found, path, form, by_pixel=by_pixel)
        groups = _groups(tree, found, data, fitted, form) if data else {}
        streams = _streams(network, found, form)
        read = look_through if streams else decode_all
        parts = {
            name: read(tree, part.files, part.masks, form, skip_bad=skip_bad, progress=progress)
            for name, part in found.parts.items()
        }
        if streams:
            # It is read as long as somebody has the rows; then it is closed.
            opened.pop_all()
    values = Values.of(parts["train"].masks, graph, fitted, str(path)) if found.has_masks else None
    splits = {name: _split(part, found.parts[name], values, f"{path}: {name}") for name, part in parts.items()}
    notices = [*found.notices, *(notice for part in parts.values() for notice in part.notices)]
    train = splits["train"]
    rule = fitted.draw if fitted else RULE
    kept = parts["train"].kept.tolist()
    own_groups = [groups["train"][at] for at in kept] if groups else ()
    drawing = Drawing(parts["train"].digests, classes_of(found, kept), str(path), rule, own_groups, form.kind)
    if "validation" in splits and "test" not in splits and test is None:
        notices.append(f"{path} has no test/: {100 * TEST_SHARE:.0f} % of train/ are for the test")
    given = dict(splits)
    try:
        if data and data.group and not groups:
            raise DataError(f"{path} has no groups", "")
        splits |= {part: train.take(at) for part, at in drawing.parts(data, splits).items()}
        _require_each_class(found, splits["train"], str(path), form.kind)
    except DataError:
        if not fitted:
            raise
        # A model is looked at with all of what is too little to be divided.
        splits = given if "test" in given else {**given, "train": train.rows(stop=0), "test": train}
    names = values.names if values else found.classes
    made = Preparation(
        resize=form.resize if isinstance(form, PictureForm) else None,
        mask_values=values.stored if values else (),
        draw=rule,
    )
    dataset = Dataset.of(
        str(path),
        splits["train"],
        splits["test"],
        names,
        tuple(notices),
        preparation=made,
        validation=splits.get("validation"),
        cut="test" not in found.parts,
    )
    if rule > 1 and data and isinstance(data.validation, float) and "validation" in found.parts:
        require_no_validation(data.validation, dataset)
    return dataset


def _groups(
    tree: Tree, found: Pictures, data: DataSource, fitted: Preparation | None, form: FileForm
) -> dict[str, list[str]]:
    """Return the group of each picture; nothing where a model is looked at with pictures of other names.

    Raises:
        DataError: as `groups_of_pictures` does.
    """
    try:
        return groups_of_pictures(tree, found, data, form.kind)
    except DataError:
        if fitted:
            return {}
        raise


def _answers_by_pixel(graph: Graph) -> bool:
    """Return whether a network says something of each pixel: all its outputs that are compared have positions."""
    compared = [graph.only(output) for output in graph.outputs if output.loss.compares]
    return bool(compared) and all(len(one.shape(one.output)) > 1 for one in compared)


def _require_targets(found: Pictures, path: Path, form: FileForm, *, by_pixel: bool) -> None:
    """Raise DataError where a network of classes gets masks, or one of masks gets classes."""
    if found.has_masks and not by_pixel:
        message = f"{path} has a mask for each picture, but the network gives one answer for a picture"
        raise DataError(message, "give a folder of pictures for each class")
    if by_pixel and not form.kind.masks:
        message = f"{path} has a class for each {form.kind.one}, but the network says something at each position"
        raise DataError(message, "end with `globalpool; fc classes softmax`")
    if by_pixel and not found.has_masks:
        message = f"{path} has no masks, but the network says something of each pixel"
        raise DataError(message, "give pictures in images/ with a mask of the same name each in masks/")


def _streams(network: Network, found: Pictures, form: FileForm) -> bool:
    """Return whether files are read batch by batch: as a spec says, else where they would not fit in memory."""
    said = (network.data and network.data.streaming) or "auto"
    if said != "auto":
        return said == "on"
    parts, free = found.parts.values(), free_memory()
    needed = sum(needed_memory(len(part.files), form, masks=bool(part.masks)) for part in parts)
    return free is not None and needed > free


def _split(part: Decoded, labelled: Labelled, values: Values | None, name: str) -> Split:
    if values is not None:
        assert part.masks is not None
        return Split(part.images, labels_of(part.masks, values, name))
    return Split(part.images, np.asarray(labelled.labels, np.int32)[part.kept])


def _require_each_class(found: Pictures, train: Split, name: str, kind: FileKind) -> None:
    """Raise DataError where no file of a class is left to learn from."""
    if not found.classes or found.has_masks:
        return
    counts = np.bincount(train.labels, minlength=len(found.classes))
    lacking = [name for name, count in zip(found.classes, counts.tolist(), strict=True) if not count]
    # What a model knows may be looked at in pictures of some classes alone.
    if lacking and set(lacking) & {found.classes[label] for label in found.train.labels}:
        raise DataError(
            f"{name}: all {kind.one}s of {listing(lacking, 'and')} were drawn for the test, or cannot be read",
            "give more of them, or a test/ folder of your own",
        )
