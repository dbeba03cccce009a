"""Inputs and targets of a call, checked, as the compiled functions take them."""

from __future__ import annotations

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import as_float32, as_tokens, as_values
from netspec.diagnostics.diagnostic import DataError
from netspec.graph.graph import Graph
from netspec.ops import format_shape
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy

__all__ = ["as_inputs", "as_targets"]


def as_inputs(x: Any, graph: Graph) -> Any:
    """Return inputs as (N, *input): bytes, float32, or int32 token numbers.

    A channel axis that is missing is added, one that is too many removed; images become rows.

    Raises:
        DataError: where they do not fit.
    """
    x, shape = _array(x, "x"), graph.input
    if graph.tokens:
        x = _as_tokens(x, graph.tokens)
    elif x.dtype != np.uint8 and not jnp.issubdtype(x.dtype, jnp.floating):
        raise DataError(
            f"inputs must be bytes (uint8) or floats, not {x.dtype}",
            "convert them: x.astype('uint8') for pixels 0 to 255, x.astype('float32') for scaled values",
        )
    x = _as_float32(x)
    given = tuple(x.shape[1:])
    if x.ndim and given == shape:
        return x
    if x.ndim > 1 and (
        (1, *given) == shape
        or (len(shape) == 2 and given == (1, *shape))
        or (len(shape) == 1 and prod(given) == shape[0])
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


def as_targets(y: Any, count: int, graph: Graph) -> Any:
    """Return class labels (N,) as int32, or targets of the logits' shape as float32.

    Args:
        y: the targets.
        count: how many examples there are.
        graph: the network.

    Raises:
        DataError: where they do not fit the examples, the loss or the classes.
    """
    array = _array(y, "y")
    if array.dtype.kind not in "iubf":
        raise DataError(
            f"y must be class labels or numbers, not {array.dtype}",
            "number the classes from 0: names, y = np.unique(y, return_inverse=True)",
        )
    wanted = (count, *graph.shape(graph.logits))
    if array.dtype.kind == "f":
        return _as_floats(array, wanted, graph)
    if array.shape != (count,):
        fix = "labels are class numbers, not one-hot rows: y.argmax(axis=1)"
        if array.shape == wanted and not isinstance(graph.loss, CrossEntropy):
            fix = "whole numbers are taken for class labels: give targets as floats, y.astype('float32')"
        elif array.ndim != 2 or not _one_hot(array):
            fix = "one whole number an example" + _SEVERAL * (array.shape == wanted)
        raise DataError(
            f"labels of shape {array.shape} do not fit: expected ({count},), one for each example",
            fix,
        )
    if not isinstance(array, jax.core.Tracer):
        # Before they are cut to 32 bits, which would make other labels of those that are too large.
        _check_labels(np.asarray(array), graph)
    return array.astype(np.int32)


_SEVERAL = "; several classes at once take a last layer with sigmoid, and targets as floats"


def _as_floats(array: Any, wanted: tuple[int, ...], graph: Graph) -> Any:
    """Return floats as targets; raises DataError where they do not fit the outputs or the loss."""
    if isinstance(graph.loss, CrossEntropy):
        if array.ndim == 1:
            fix = "whole numbers: y.astype('int64'); numbers to be predicted go with `loss mse`"
        else:
            fix = "one-hot rows: y.argmax(axis=1)" if _one_hot(array) else "one whole number an example" + _SEVERAL
        raise DataError("cross_entropy needs class labels, whole numbers", fix)
    if array.shape != wanted and (array.shape, wanted[1:]) != (wanted[:1], (1,)):
        raise DataError(f"targets of shape {array.shape} do not fit: expected {wanted}", "one row an example")
    if not isinstance(array, jax.core.Tracer):
        _check_targets(np.asarray(array), graph)
    return array.astype(np.float32)


def _check_targets(targets: NDArray[Any], graph: Graph) -> None:
    """Raise DataError for targets that no output can be compared with."""
    probabilities = isinstance(graph.loss, BinaryCrossEntropy)
    wrong = ~np.isfinite(targets) | (probabilities & ((targets < -_ROUNDING) | (targets > 1 + _ROUNDING)))
    if wrong.any():
        place = [int(i) for i in np.unravel_index(int(wrong.argmax()), targets.shape)]
        value = targets[tuple(place)]
        if np.isfinite(value):
            message = f"y{place} is {value:g}, but binary_cross_entropy takes targets from 0 to 1"
            raise DataError(message, "scale them to 0..1, or say `loss mse` and end without `sigmoid`")
        raise DataError(f"y{place} is {value}", "give finite numbers only")


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
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise DataError(
            f"label {labels[wrong[0]]} of example {wrong[0]} is outside the classes 0 to {classes - 1}",
            "labels count from 0",
        )


def _array(values: Any, name: str) -> Any:
    """Return values as an array of NumPy or JAX; raises DataError where they are none."""
    if isinstance(values, jax.Array):
        if jnp.issubdtype(values.dtype, jax.dtypes.prng_key):
            raise DataError(f"{name} is an array of numbers, not a key of JAX", "the key goes to rng=")
        return values
    return as_values(values, name)
