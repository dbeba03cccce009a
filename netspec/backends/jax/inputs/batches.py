"""Inputs and targets of a call, checked, as the compiled functions take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import as_float32, as_tokens, as_values
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph, GraphInput
from netspec.ops import format_shape
from netspec.recipe.class_weights import weights_of
from netspec.recipe.losses import CrossEntropy, Loss

__all__ = ["as_inputs", "as_targets", "by_name", "require_same_count"]


def as_inputs(x: Any, graph: Graph, dtype: Any = np.float32) -> Any:
    """Return inputs as (N, *shape): bytes, floats, or int32 token numbers; of several inputs each by its name.

    A channel axis that is missing is added, one that is too many removed; images become rows.

    Raises:
        DataError: where they do not fit.
    """
    if len(graph.inputs) == 1:
        (given,) = graph.inputs
        x = by_name(x, [given.name], "input")[given.name] if isinstance(x, Mapping) else x
        return _as_input(x, given, dtype)
    arrays = by_name(x, [given.name for given in graph.inputs], "input")
    made = {
        given.name: _named(given.name, "input", _as_input, arrays[given.name], given, dtype) for given in graph.inputs
    }
    require_same_count({f"the input {name}": array for name, array in made.items()})
    return made


def by_name(given: Any, names: Sequence[str], what: str) -> Mapping[str, Any]:
    """Return arrays by their names; raises DataError where they are not just these.

    Args:
        given: what a caller handed in.
        names: of all inputs, or of all targets.
        what: `input` or `target`.
    """
    example = "{" + ", ".join(f"{name!r}: …" for name in names) + "}"
    if not isinstance(given, Mapping):
        several = f"the network has {len(names)} {what}s: {listing(names, 'and')}"
        raise DataError(f"{several}; they are not one array", f"give a dictionary: {example}")
    missing = [name for name in names if name not in given]
    more = [name for name in given if name not in names]
    if more:
        near = nearest(more[0], missing or names) if isinstance(more[0], str) else None
        said = (
            f"did you mean {near!r}?" if near else f"there {'is' if len(names) == 1 else 'are'} {listing(names, 'and')}"
        )
        raise DataError(f"the network has no {what} {more[0]!r}", said)
    if missing:
        raise DataError(f"the {what} {missing[0]!r} is missing", f"give a dictionary: {example}")
    return given


def require_same_count(arrays: Mapping[str, Any]) -> None:
    """Raise DataError where arrays have not one row for each example, as many all."""
    (first, array), *others = arrays.items()
    for name, other in others:
        if len(other) != len(array):
            counts = f"{first} has {len(array):,} examples, {name} {len(other):,}"
            raise DataError(counts, "give one row of each for every example")


def _named(name: str, what: str, function: Callable[..., Any], *given: Any) -> Any:
    """Return what a function makes of one of several arrays; what is wrong with it is said with its name."""
    try:
        return function(*given)
    except DataError as error:
        raise DataError(f"{what} {name}: {error.message}", error.fix) from None


def _as_input(x: Any, given: GraphInput, dtype: Any) -> Any:
    x, shape = _array(x, "x"), given.shape
    if given.tokens:
        x = _as_tokens(x, given.tokens)
    elif x.dtype != np.uint8 and not jnp.issubdtype(x.dtype, jnp.floating):
        raise DataError(
            f"inputs must be bytes (uint8) or floats, not {x.dtype}",
            "convert them: x.astype('uint8') for pixels 0 to 255, x.astype('float32') for scaled values",
        )
    x = x if x.dtype == dtype else _as_float32(x)
    each = tuple(x.shape[1:])
    if x.ndim and each == shape:
        return x
    if x.ndim > 1 and (
        (1, *each) == shape or (len(shape) == 2 and each == (1, *shape)) or (len(shape) == 1 and prod(each) == shape[0])
    ):
        return x.reshape(x.shape[0], *shape)
    raise DataError(
        f"inputs of shape {tuple(x.shape)} do not fit: expected (N, {', '.join(map(str, shape))})",
        f"each example is {format_shape(shape)}, and the batch comes first; one example is x[None]",
    )


def _as_float32(x: Any) -> Any:
    """Return floats as float32; those of JAX that are narrower, and bytes, as they are."""
    if x.dtype == np.float64 and isinstance(x, jax.Array):
        return x.astype(np.float32)
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    floats = as_float32(x)
    if x.dtype.itemsize > floats.itemsize and (np.isinf(floats) & np.isfinite(x)).any():
        raise DataError("x holds numbers that are too large for float32", "scale them: x / abs(x).max()")
    return floats


def _as_tokens(x: Any, tokens: int) -> Any:
    """Return token numbers as int32, each of them checked where their values are known."""
    if not isinstance(x, jax.core.Tracer) and x.size:
        return as_tokens(x, "x", tokens)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise DataError(f"token numbers must be whole numbers, not {x.dtype}", "give x.astype('int32')")
    return x.astype(jnp.int32)


def as_targets(y: Any, count: int, graph: Graph, dtype: Any = np.float32) -> Any:
    """Return targets as the losses read them: those of one output, or of several each by the name of the target.

    They are class labels (N,) as int32, or numbers of the logits' shape.

    Args:
        y: the targets.
        count: how many examples there are.
        graph: the network.
        dtype: of numbers.

    Raises:
        DataError: where they do not fit the examples, the loss or the classes.
    """
    names = list(dict.fromkeys(output.target for output in graph.outputs))
    if len(graph.outputs) == 1:
        y = by_name(y, names, "target")[names[0]] if isinstance(y, Mapping) else y
        return _as_target(y, count, graph, dtype)
    idle = {output.name for output in graph.outputs if not output.loss.compares} - {*names}
    if isinstance(y, Mapping):
        y = {name: array for name, array in y.items() if name not in idle}
    arrays = by_name({names[0]: y} if len(names) == 1 and not isinstance(y, Mapping) else y, names, "target")
    made = {}
    # What is compared with nothing takes whatever there is: another one says what it must be.
    for output in sorted(graph.outputs, key=lambda output: output.loss.compares):
        given = _named(output.target, "target", _as_target, arrays[output.target], count, graph.only(output), dtype)
        made[output.target] = given
    return made


def _as_target(y: Any, count: int, graph: Graph, dtype: Any) -> Any:
    array = _array(y, "y")
    if array.dtype.kind not in "iubf":
        raise DataError(
            f"y must be class labels or numbers, not {array.dtype}",
            "number the classes from 0: names, y = np.unique(y, return_inverse=True)",
        )
    _require_weights(graph.loss)
    shape, takes = graph.shape(graph.logits), graph.loss.targets[0]
    wanted = (count, *shape)
    if takes in {"nothing", "sequence"} and array.ndim and array.shape[0] == count:
        return array.astype(np.int32 if takes == "sequence" else dtype)
    if takes == "pair":
        return _as_pairs(array, (count, *shape[1:]), graph.loss)
    if array.dtype.kind == "f":
        return _as_floats(array, wanted, graph).astype(dtype)
    if "class" not in graph.loss.targets and array.shape == wanted:
        return array.astype(dtype)
    if array.shape != (count, *shape[1:]):
        fix = "labels are class numbers, not one-hot rows: y.argmax(axis=1)"
        if array.shape == wanted and not isinstance(graph.loss, CrossEntropy):
            fix = "whole numbers are taken for class labels: give targets as floats, y.astype('float32')"
        elif array.ndim != 2 or not _one_hot(array):
            fix = "one whole number an example" + _SEVERAL * (array.shape == wanted)
        raise DataError(
            f"labels of shape {array.shape} do not fit: expected {(count, *shape[1:])}, "
            f"one for each {'position' if shape[1:] else 'example'}",
            fix,
        )
    if not isinstance(array, jax.core.Tracer):
        # Before they are cut to 32 bits, which would make other labels of those that are too large.
        _check_labels(np.asarray(array), graph)
    return array.astype(np.int32)


_SEVERAL = "; several classes at once take a last layer with sigmoid, and targets as floats"


def _as_pairs(array: Any, wanted: tuple[int, ...], loss: Loss) -> Any:
    """Return 1 for two that belong together, 0 for others; raises DataError where anything else is said."""
    if array.shape not in {wanted, (wanted[0], 1, *wanted[1:])}:
        raise DataError(
            f"targets of shape {array.shape} do not fit: expected {wanted}",
            "give a number for each pair: 1 for two that belong together, 0 for others",
        )
    array = array.reshape(wanted)
    if not isinstance(array, jax.core.Tracer):
        values = np.asarray(array)
        wrong = (values != 0) & (values != 1)
        if wrong.any():
            place = [int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape)]
            message = f"y{place} is {values[tuple(place)]:g}, but {loss.canonical()} takes 0 and 1"
            raise DataError(message, "give 1 for two that belong together, 0 for others")
    return array.astype(np.int32)


def _as_floats(array: Any, wanted: tuple[int, ...], graph: Graph) -> Any:
    """Return floats as targets; raises DataError where they do not fit the outputs or the loss."""
    if isinstance(graph.loss, CrossEntropy) and array.shape != wanted:
        if array.ndim == 1:
            fix = "whole numbers: y.astype('int64'); numbers to be predicted go with `loss mse`"
        else:
            fix = "one-hot rows: y.argmax(axis=1)" if _one_hot(array) else "one whole number an example" + _SEVERAL
        raise DataError("cross_entropy needs class labels, whole numbers, or a row of shares for each", fix)
    # One output a position may be given without an axis of its own.
    if array.shape != wanted and not (wanted[1] == 1 and array.shape == (wanted[0], *wanted[2:])):
        raise DataError(f"targets of shape {array.shape} do not fit: expected {wanted}", "one row an example")
    if not isinstance(array, jax.core.Tracer):
        _check_targets(np.asarray(array), graph)
    return array


def _check_targets(targets: NDArray[Any], graph: Graph) -> None:
    """Raise DataError for targets that no output can be compared with."""
    probabilities, name = "share" in graph.loss.targets, graph.loss.canonical()
    wrong = ~np.isfinite(targets) | (probabilities & ((targets < -_ROUNDING) | (targets > 1 + _ROUNDING)))
    if wrong.any():
        place = [int(i) for i in np.unravel_index(int(wrong.argmax()), targets.shape)]
        value = targets[tuple(place)]
        if np.isfinite(value):
            message = f"y{place} is {value:g}, but {name} takes targets from 0 to 1"
            shares = "give class numbers, or rows of shares that add up to 1" + _SEVERAL
            unit = "scale them to 0..1, or say `loss mse` and end without `sigmoid`"
            raise DataError(message, shares if isinstance(graph.loss, CrossEntropy) else unit)
        raise DataError(f"y{place} is {value}", "give finite numbers only")
    if isinstance(graph.loss, CrossEntropy):
        sums = targets.sum(axis=1)
        wrong = np.abs(sums - 1) > _PROBABLE
        if wrong.any():
            place = [int(i) for i in np.unravel_index(int(wrong.argmax()), sums.shape)]
            message = f"y{place} adds up to {sums[tuple(place)]:g}, but shares of classes add up to 1"
            raise DataError(message, "divide each row by its sum" + _SEVERAL)


def _require_weights(loss: Loss) -> None:
    """Raise DataError where the weights of classes follow from the labels of a training that there is not."""
    if isinstance(loss, CrossEntropy) and loss.class_weights and weights_of(loss.class_weights) is None:
        raise DataError(
            f"`class_weights={loss.class_weights}` is worked out by a training, from its labels",
            'say the weights in numbers: class_weights="1 2.5 1"',
        )


_PROBABLE = 1e-3
"""By so much may shares add up to something else than 1."""


_ROUNDING = 1e-6
"""By so much may a target lie outside 0..1: what float32 makes of the end of a range."""


def _one_hot(array: Any) -> bool:
    """Return whether an array has rows with one 1 and else 0; what is traced is taken to have them."""
    if isinstance(array, jax.core.Tracer):
        return True
    rows = np.asarray(array)
    return rows.ndim == 2 and bool((((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)).all())


def _check_labels(labels: NDArray[np.int32], graph: Graph) -> None:
    classes = max(graph.shape(graph.logits)[0], 2)
    ignore = graph.loss.ignore if isinstance(graph.loss, CrossEntropy) else None
    wrong = ((labels < 0) | (labels >= classes)) & (np.ones(labels.shape, bool) if ignore is None else labels != ignore)
    if wrong.any():
        place = np.unravel_index(int(wrong.argmax()), labels.shape)
        at = f" at {[int(i) for i in place[1:]]}" if place[1:] else ""
        raise DataError(
            f"label {labels[place]} of example {place[0]}{at} is outside the classes 0 to {classes - 1}",
            "labels count from 0",
        )


def _array(values: Any, name: str) -> Any:
    """Return values as an array of NumPy or JAX; raises DataError where they are none."""
    if isinstance(values, jax.Array):
        if jnp.issubdtype(values.dtype, jax.dtypes.prng_key):
            raise DataError(f"{name} is an array of numbers, not a key of JAX", "the key goes to rng=")
        return values
    return as_values(values, name)
