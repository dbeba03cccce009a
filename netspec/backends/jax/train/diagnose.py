"""Diagnosis of a training step: the first layer that made a non-finite number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.emit import Batch, Tree
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.partition import merged, split
from netspec.ops import Activation, Divide

__all__ = ["Fault", "diagnose"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong first in a step.

    Attributes:
        layer: the node; `input` where the batch itself is not finite, empty where it is the loss or nothing was found.
        what: in words, for a message: "the activations of `conv_2` are not finite (inf)".
        fix: what helps, where more is known of it than that numbers grew too large.
    """

    layer: str
    what: str
    fix: str = ""


def diagnose(
    model: Model,
    variables: Variables,
    x: Batch,
    labels: Batch,
    key: jax.Array,
    frozen: frozenset[str] = frozenset(),
) -> Fault | None:
    """Return what went wrong first in a step: in the forward pass, then in the loss, then in the backward pass.

    Args:
        model: the network.
        variables: before the step.
        x: the batch as the network reads it, (N, …).
        labels: (N,).
        key: of the step.
        frozen: the arrays that the step does not train, by path.

    Returns:
        The fault; None where everything up to the gradients is finite.
    """
    y = model.targets(x, labels)
    values_and_gradients = jax.jit(partial(_values_and_gradients, model, frozen))
    values, losses, grads = values_and_gradients(variables.params, variables.state, x, y, key)
    inputs = {given.name for given in model.graph.inputs}
    for node in model.graph.nodes:
        bad = _bad(values[node])
        if bad:
            made = "numbers" if node in inputs else "activations"
            return Fault(node, f"the {made} of `{node}` are not finite ({bad})", _fix_of_values(model, node, bad))
    bad = _bad(losses)
    if bad:
        return Fault("", f"all activations are finite, the loss is not ({bad})")
    # The backward pass meets the layers from the last to the first.
    for node in reversed(tuple(model.graph.nodes)):
        for name, gradient in grads.get(node, {}).items():
            bad = _bad(gradient)
            if bad:
                what = f"the gradient of `{node}/{name}` is not finite ({bad})"
                root = _root_of_zero(model, values)
                if root:
                    what += f", for `{root}` takes the root of 0 somewhere, where its slope is infinite"
                return Fault(node, what, _CLAMPED.format("sqrt") if root else "")
    return None


_CLAMPED = "write `clamp min=0.000001; {}`, which keeps what flows in away from 0"


def _fix_of_values(model: Model, node: str, bad: str) -> str:
    """Return what helps where a function was asked for what it has no value for; empty where that is not the cause."""
    for operation in model.graph.operations:
        if operation.node != node:
            continue
        match operation.op:
            case Activation(function="log"):
                return _CLAMPED.format("log")
            case Activation(function="sqrt") if "NaN" in bad:
                return _CLAMPED.format("sqrt")
            case Divide():
                return f"keep what `{node}` divides by away from 0: `clamp` or `times 1 plus=0.000001` before its label"
    return ""


def _root_of_zero(model: Model, values: dict[str, jax.Array]) -> str:
    """Return the node of a square root that is 0 somewhere; empty where none is."""
    for operation in model.graph.operations:
        root = isinstance(operation.op, Activation) and operation.op.function == "sqrt"
        if root and operation.output == model.graph.nodes[operation.node] and not values[operation.node].all():
            return operation.node
    return ""


def _values_and_gradients(
    model: Model, frozen: frozenset[str], params: Tree, state: Tree, x: Batch, y: Batch, key: jax.Array
) -> tuple[dict[str, jax.Array], jax.Array, Tree]:
    trained, still = split(params, frozen)

    def objective(trained: Tree) -> Any:
        return model.objective(merged(trained, still), state, x, y, train=True, rng=key, frozen=frozen)

    (loss, _), grads = jax.value_and_grad(objective, has_aux=True)(trained)
    return model.activations(Variables(params, state), x, key, frozen), loss, grads


def _bad(array: Any) -> str:
    """Return `NaN`, `inf` or both, whichever an array has; empty where all of it is finite."""
    values: NDArray[Any] = np.asarray(array)
    kinds = {"NaN": np.isnan(values).any(), "inf": np.isinf(values).any()}
    return " and ".join(kind for kind, there in kinds.items() if there)
