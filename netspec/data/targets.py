"""What outputs are compared with, as people bring it: class numbers, rows of shares, several labels at once, numbers.

What an array is follows from its values, and from what the network and its loss take; where both are open, whole
numbers are classes, rows of 0 and 1 labels, and other numbers are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.data.checks import as_float32, as_labels, as_values, facts, require
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.recipe.array_facts import no_numbers, shape_text
from netspec.recipe.class_weights import balanced, named_weights
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, Ctc, Loss, MeanSquaredError, class_loss

__all__ = ["Wanted", "as_target", "check_targets", "class_weights", "loss_for", "wanted"]

_ROUNDING = 1e-6
"""By so much may a target lie outside 0..1: what float32 makes of the end of a range."""

_PROBABLE = 1e-3
"""By so much may the shares of the classes add up to something else than 1."""


_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one output takes.

    Attributes:
        shape: of it, without the examples.
        loss: what it is learned by.
        stated: whether that is said by the spec, or by the last layer, and not only by the data having classes.
    """

    shape: tuple[int, ...]
    loss: Loss
    stated: bool

    @property
    def ignore(self) -> int | None:
        """A label that does not count, where there is one."""
        return self.loss.ignore if isinstance(self.loss, CrossEntropy) else None


def wanted(network: Network, graph: Graph) -> Wanted:
    """Return what the one output of a graph takes; of several, `graph.only` gives the graph of each."""
    (output,) = graph.outputs
    stated = network.stated_loss(output.name) is not None
    return Wanted(graph.shape(graph.output), graph.loss, stated or bool(graph.ends_in))


def as_target(values: ArrayLike, name: str, examples: NDArray[Any], want: Wanted) -> NDArray[Any]:
    """Return targets: class numbers, (N, ...) of int32, or (N, *shape) of float32, in the shape of the output.

    Args:
        values: one for each example: (N,), (N, 1), or with the positions or the shape of the output.
        name: of them.
        examples: what they belong to.
        want: what the output takes.

    Raises:
        DataError: they do not fit, or hold what the loss does not take.
    """
    array = as_values(values, name)
    if not want.loss.compares and array.ndim and len(array) == len(examples):
        return np.zeros(len(array), np.int32)
    if array.dtype.kind in "buif" and array.ndim and len(array) == len(examples):
        found = _fitted(array, name, want)
        if found is not None:
            return found
    elif array.dtype.kind not in "OUSMmV":
        require(no_numbers(facts(array, name), targets=True))
    return as_labels(values, name, examples)


def _fitted(array: NDArray[Any], name: str, want: Wanted) -> NDArray[Any] | None:
    """Return targets of another kind than a class number for each example; None where they are these, or nothing."""
    count, shape, takes = len(array), want.shape, want.loss.targets
    if takes == ("sequence",):
        return _sequences(array, name, want)
    _require_finite(array, name)
    places = (count, *shape[1:])
    flat = array.reshape(places) if array.shape in {(count, 1, *shape[1:]), places} else None
    whole = bool((array == np.floor(array)).all())
    if array.shape == (count, *shape) and shape[0] > 1:
        return _rows(array, name, want, whole=whole)
    if flat is None:
        return None
    if takes == ("pair",):
        wrong = (flat != 0) & (flat != 1)
        if wrong.any():
            message = f"{name}{_place(wrong)} is {flat[wrong][0]:g}, but contrastive takes 0 and 1"
            raise DataError(message, "give 1 for two that belong together, 0 for others")
        return flat.astype(np.int32)
    if shape[0] == 1 and _is_number(flat, want, whole=whole):
        return _numbers(flat.reshape(count, *shape), name, want)
    if shape[0] == 1 and not whole and "share" in takes:
        _require_unit(flat, name, want.loss)
        return as_float32(flat.reshape(count, *shape))
    if "class" not in takes or not whole or (len(shape) == 1 and want.ignore is None):
        return None
    return _classes(flat, name, want)


def _is_number(flat: NDArray[Any], want: Wanted, *, whole: bool) -> bool:
    """Return whether what one output is to give is a number, and not one of two classes."""
    if "class" not in want.loss.targets:
        return True
    if whole and ((flat == 0) | (flat == 1)).all():
        return False
    return not (want.stated and want.loss.absorbs)


def _classes(flat: NDArray[Any], name: str, want: Wanted) -> NDArray[np.int32]:
    """Return class numbers, of every position, or those that do not count."""
    classes, ignore = max(want.shape[0], 2), want.ignore
    counts = flat != ignore if ignore is not None else np.ones(flat.shape, bool)
    wrong = ((flat < 0) | (flat >= classes)) & counts
    if wrong.any():
        value = int(flat[wrong][0])
        hint = "; `loss cross_entropy ignore=N` leaves a label out" if isinstance(want.loss, CrossEntropy) else ""
        raise DataError(
            f"{name}{_place(wrong)} is {value}, but with {classes} classes labels go from 0 to {classes - 1}",
            f"labels count from 0{hint}",
        )
    if not counts.any():
        raise DataError(
            f"all labels of {name} are {ignore}, which `ignore={ignore}` leaves out: there is nothing to learn",
            "leave `ignore` out, or give other labels",
        )
    return flat.astype(np.int32)


def _rows(array: NDArray[Any], name: str, want: Wanted, *, whole: bool) -> NDArray[Any]:
    """Return rows of the outputs' shape: one-hot ones as class numbers, others as float32."""
    loss, unit = want.loss, bool(((array == 0) | (array == 1)).all())
    sums = array.sum(axis=1)
    one_hot = whole and unit and bool((sums == 1).all())
    if one_hot and "class" in loss.targets:
        return array.argmax(axis=1).astype(np.int32)
    if not want.stated:
        return as_float32(array)  # what they are decides the loss
    if isinstance(loss, CrossEntropy):
        _require_unit(array, name, loss)
        wrong = np.abs(sums - 1) > _PROBABLE
        if wrong.any():
            several = unit and "; several classes at once go with `sigmoid`"
            raise DataError(
                f"{name}{_place(wrong)} adds up to {sums[wrong][0]:g}, but shares of classes add up to 1",
                f"divide each row by its sum{several or ''}",
            )
    elif "share" in loss.targets:
        _require_unit(array, name, loss)
    return _numbers(array, name, want)


def _numbers(array: NDArray[Any], name: str, want: Wanted) -> NDArray[np.float32]:
    if want.loss.canonical() == "poisson" and (array < 0).any():
        wrong = array < 0
        raise DataError(f"{name}{_place(wrong)} is {array[wrong][0]:g}, but poisson is of counts", "give 0 or more")
    found = as_float32(array)
    if not np.isfinite(found).all():
        raise DataError(f"{name}{_place(~np.isfinite(found))} is too large for float32", "scale them")
    return found


def _sequences(array: NDArray[Any], name: str, want: Wanted) -> NDArray[np.int32]:
    """Return rows of classes, filled up with -1, for CTC."""
    assert isinstance(want.loss, Ctc)
    classes, length = want.shape
    if array.ndim != 2 or array.dtype.kind not in "iub":
        raise DataError(
            f"{name} has the shape {array.shape} and the type {array.dtype}", "give whole numbers, (N, length)"
        )
    wrong = (array >= classes) | (array == want.loss.blank)
    if wrong.any():
        blank = "the blank" if array[wrong][0] == want.loss.blank else "no class"
        raise DataError(f"{name}{_place(wrong)} is {array[wrong][0]}, which is {blank}", "fill rows up with -1")
    behind = (array[:, 1:] >= 0) & (array[:, :-1] < 0)
    if behind.any():
        raise DataError(
            f"{name}[{int(behind.any(axis=1).argmax())}] goes on behind -1, which only fills up", "close the gap"
        )
    there = array >= 0
    # Between two that are equal there must be a blank.
    needed = there.sum(axis=1) + ((array[:, 1:] == array[:, :-1]) & there[:, 1:]).sum(axis=1)
    if (needed > length).any():
        row = int((needed > length).argmax())
        raise DataError(
            f"{name}[{row}] needs {needed[row]} positions, and the network gives {length}",
            "let it shorten its input less",
        )
    return array.astype(np.int32)


def _require_finite(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        wrong = ~np.isfinite(array)
        raise DataError(
            f"{name}{_place(wrong)} is {array[wrong][0]}, which is no number",
            f"leave examples without a target out: keep = np.isfinite({name})",
        )


def _require_unit(array: NDArray[Any], name: str, loss: Loss) -> None:
    wrong = (array < -_ROUNDING) | (array > 1 + _ROUNDING)
    if wrong.any():
        raise DataError(
            f"{name}{_place(wrong)} is {array[wrong][0]:g}, but {loss.canonical()} takes targets from 0 to 1",
            "scale them to 0..1, or say `loss mse` and end without an activation",
        )


def _place(wrong: NDArray[np.bool_]) -> str:
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return str([int(i) for i in place])


def loss_for(want: Wanted, targets: NDArray[Any]) -> Loss:
    """Return the loss that targets lead to, where neither the spec nor the last layer says one."""
    if want.stated:
        return want.loss
    if targets.dtype.kind != "f":
        # Labels at positions are known only here: outputs with positions are else those of numbers.
        return class_loss(want.shape[0]) if isinstance(want.loss, MeanSquaredError) else want.loss
    unit = bool(((targets == 0) | (targets == 1)).all())
    if unit and want.shape[0] > 1:
        return BinaryCrossEntropy()
    shares = bool((targets >= 0).all()) and bool((np.abs(targets.sum(axis=1) - 1) <= _PROBABLE).all())
    return CrossEntropy() if shares and want.shape[0] > 1 else MeanSquaredError()


def check_targets(graph: Graph, name: str, splits: dict[str, NDArray[Any]]) -> None:
    """Raise DataError where targets are not of the shape of the output that they are compared with."""
    shape = graph.shape(graph.output)
    for which, targets in splits.items():
        each = targets.shape[1:]
        fits = (
            each == shape
            or (targets.dtype.kind in "iu" and each == shape[1:])
            or graph.loss.targets[0]
            in {
                "sequence",
                "nothing",
            }
        )
        if not fits:
            raise DataError(
                f"{name} has {which} targets of {shape_text(each)}, but the network ends in {shape_text(shape)}",
                "let it end in that shape, or give targets of the outputs' shape",
            )


def class_weights(loss: CrossEntropy, labels: NDArray[Any], names: tuple[str, ...], classes: int) -> tuple[float, ...]:
    """Return the weight of each class, where the loss has them balanced or by name.

    Args:
        loss: says how.
        labels: those of the training examples: class numbers, or shares of classes.
        names: of the classes.
        classes: how many the network tells apart.

    Raises:
        DataError: there is no class of a name.
    """
    if loss.class_weights is None or not loss.balances:
        named = named_weights(loss.class_weights or "")
        wrong = next((name for name in named if name not in names), None)
        if wrong is not None:
            near = nearest(wrong, names)
            fix = f"did you mean {near!r}?" if near else f"there are {listing([*names][:_SHOWN], 'and')}"
            raise DataError(f"`class_weights` names a class {wrong!r}, which the data does not have", fix)
        return tuple(named.get(names[i], 1.0) if i < len(names) else 1.0 for i in range(classes))
    if labels.dtype.kind == "f":
        counts = np.moveaxis(labels, 1, -1).reshape(-1, classes).sum(axis=0, dtype=np.float64)
    else:
        counted = labels[labels != loss.ignore] if loss.ignore is not None else labels
        counts = np.bincount(counted.reshape(-1), minlength=classes)
    return balanced(counts.tolist())
