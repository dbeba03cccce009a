"""Checks that a dataset fits a network and its recipe, before anything is compiled."""

from __future__ import annotations

import numpy as np

from netspec.data.checks import renumbered, require
from netspec.data.parts import sizes
from netspec.data.targets import check_targets
from netspec.data.types import Dataset, each_array
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.graph.graph import Graph
from netspec.graph.recipe_checks import without_end, without_variance
from netspec.ir.network import Network
from netspec.recipe.array_facts import classes_misfit
from netspec.recipe.class_names import are_numbers
from netspec.recipe.image_settings import Augment
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy

__all__ = [
    "ONE_ROW",
    "check_classes",
    "check_hold_out",
    "check_labels",
    "check_operations",
    "check_steps",
    "check_target_range",
]

ONE_ROW = "let it end in one row of outputs, `fc 10`, or learn its own input: `data … { target input }`"
"""What to do where a network ends in several axes: there is nothing it could be trained on."""


def check_labels(graph: Graph, dataset: Dataset) -> None:
    """Raise DataError when a dataset has a label that the network has no output for."""
    if len(graph.outputs) > 1:
        for output in graph.outputs:
            own = {f"{output.target} {which}": part.labels[output.target] for which, part in dataset.splits.items()}
            check_targets(graph.only(output), dataset.name, own)
        return
    shape = graph.shape(graph.output)
    splits = {which: part.labels for which, part in dataset.splits.items()}
    usual = all(labels.dtype.kind == "i" and labels.ndim == 1 for labels in splits.values())
    if graph.loss.targets[0] in {"nothing", "sequence", "pair"} or not usual:
        check_targets(graph, dataset.name, splits)
        return
    if len(shape) != 1:
        raise DataError(
            f"{dataset.name} has one label an example, but the network ends in {'x'.join(map(str, shape))} numbers",
            ONE_ROW,
        )
    if isinstance(graph.loss, CrossEntropy) and graph.loss.ignore is not None:
        ignore = graph.loss.ignore
        splits = {which: labels[labels != ignore] for which, labels in splits.items()}
    largest = max(int(labels.max(initial=0)) for labels in splits.values())
    for which, labels in splits.items():
        most = int(labels.max(initial=0))
        if most >= max(shape[0], 2):
            if not are_numbers(dataset.labels):
                require(classes_misfit(dataset.name, shape[0], len(dataset.labels)))
            where = f"{which} example {labels.argmax():,}, counted from 0"
            raise DataError(
                f"{dataset.name} has a label {most} ({where}), but the network has only {plural(shape[0], 'output')}",
                renumbered(
                    np.concatenate([*splits.values()]),
                    {"training": "y_train", "validation": "y_val"}.get(which, "y_test"),
                    f"labels count from 0; let the network end in {largest + 1} outputs",
                ),
            )


def check_classes(graph: Graph, dataset: Dataset, *, strict: bool) -> str | None:
    """Return what to say of outputs that the dataset has no class for; None where there are none.

    Raises:
        DataError: there are some, and that is `strict`ly wrong.
    """
    if len(graph.outputs) > 1 or not dataset.labels:
        return None
    outputs, classes = graph.shape(graph.output), len(dataset.labels)
    ends = {2: f"fc {classes} softmax pointwise", 3: f"conv {classes} 1x1 softmax"}.get(len(outputs), "")
    wrong = classes_misfit(dataset.name, outputs[0], classes, ends=ends)
    if wrong and strict:
        raise DataError(*wrong)
    return wrong[0] if wrong else None


def check_hold_out(count: int, dataset: Dataset) -> None:
    """Raise DataError when holding out `count` examples for validation is not possible, or there are some given."""
    if count:
        require_no_validation(count, dataset)
    if count >= len(dataset.train):
        raise DataError(
            f"validation {count:,} leaves nothing to train on: {dataset.name} has {len(dataset.train):,} examples",
            "hold out fewer",
        )


def require_no_validation(part: float, dataset: Dataset) -> None:
    """Raise DataError where a part of a dataset is to be for validation, and it has examples of its own for that."""
    if dataset.validation is not None:
        raise DataError(
            f"`validation {part}` takes examples for validation out of the training set, but {dataset.name} has "
            f"{len(dataset.validation):,} of its own",
            "leave `validation` out of the spec, or the arrays whose names end in `_val`, or val/, out of the data",
        )


def check_steps(network: Network, graph: Graph, dataset: Dataset) -> None:
    """Raise DataError when the steps that the recipe makes of a dataset cannot be taken."""
    examples, _ = sizes(network, dataset)
    wrong = without_end(network, examples) or without_variance(network, graph, examples)
    if wrong:
        raise DataError(*wrong)


_ROUNDING = 1e-6
"""By so much may a target lie outside 0..1: what float32 makes of the end of a range."""


def check_target_range(network: Network, graph: Graph, dataset: Dataset) -> None:
    """Raise DataError where inputs are learned again by binary cross-entropy, and do not lie in 0..1.

    Outside of it the loss has no least value, and what makes it smallest gives nothing of the input.
    """
    if not network.reconstructs or not any(isinstance(o.loss, BinaryCrossEntropy) for o in graph.outputs):
        return
    assert network.data is not None
    is_bytes = dataset.train.images.dtype.kind == "u"
    factor, offset = network.data.scaling() if is_bytes else (1.0, 0.0)
    targets = "with `target input` they are the targets, which binary_cross_entropy takes from 0 to 1"
    no_bce = "or say `loss mse` and end without `sigmoid`"
    for which, images in ((which, part.images) for which, part in dataset.splits.items()):
        low, high = (float(v) * factor + offset for v in (images.min(), images.max()))
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            fix = "leave `scale` and `normalize` out: bytes become 0..1 then" if is_bytes else "scale them to 0..1"
            message = f"the {which} inputs of {dataset.name} go from {low:g} to {high:g}, and {targets}"
            raise DataError(message, f"{fix}; {no_bce}")
    augment = network.data.augment
    if not is_bytes and augment and _overshoots(augment):
        raise DataError(
            f"{dataset.name} has floats, which `augment` can move out of 0..1, and {targets}",
            "leave `contrast`, `brightness`, `saturation`, `gain`, `noise` and `bicubic` out, or give bytes (uint8), "
            f"which stay in their range; {no_bce}",
        )


def _overshoots(augment: Augment) -> bool:
    """Return whether images can become brighter or darker than any image is."""
    changes = (augment.contrast, augment.brightness, augment.saturation, augment.noise, augment.gain)
    return any(changes) or augment.interpolation == "bicubic"


def check_operations(network: Network, dataset: Dataset) -> None:
    """Raise DataError where operations on pictures are drawn for floats outside of 0..1, of which they know nothing."""
    augment = network.data.augment if network.data else None
    if augment is None or not augment.draws_operations:
        return
    name = "trivialaugment" if augment.trivialaugment else "randaugment"
    for images in each_array(dataset.train.images):
        if images.ndim != 4 or images.dtype.kind != "f":
            continue
        low, high = float(images.min()), float(images.max())
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise DataError(
                f"`{name}` is for bytes and for floats of 0..1, but the images of {dataset.name} go from {low:g} to "
                f"{high:g}",
                f"scale them to 0..1, give bytes (uint8), or leave `{name}` out",
            )
