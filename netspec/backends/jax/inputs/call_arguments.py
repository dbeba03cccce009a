"""Checks of variables, keys, switches and batch sizes that callers pass to a model.

All of it works on values that JAX traces: only their shapes and types are checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.system.arguments import as_switch, as_whole, described

__all__ = ["VariableShapes", "as_batch", "as_train", "require_key", "require_variables", "variable_shapes"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""What can be read as float32; narrower types are what the recipe's `precision` is for."""

VariableShapes: TypeAlias = tuple[dict[str, dict[str, tuple[int, ...]]], ...]
"""The shapes of the arrays of a model by node and name: of those that are trained, and of the state."""


def variable_shapes(graph: Graph) -> VariableShapes:
    """Return the shapes of the arrays that a network's variables have."""
    shapes: VariableShapes = ({}, {})
    for p in graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        shapes[0 if p.trainable else 1].setdefault(node, {})[name] = p.shape
    return shapes


def require_variables(variables: Any, shapes: VariableShapes) -> None:
    """Raise DataError where variables are none, or not those of this model."""
    try:
        fit = _fit(variables, shapes)
    except (AttributeError, KeyError, TypeError, IndexError):
        fit = False
    if not fit:
        raise _misfit(variables, shapes)


def _fit(variables: Any, shapes: VariableShapes) -> bool:
    """Return whether variables have the arrays of a model and no others; each call asks, so no word is lost here."""
    for given, tree in zip((variables.params, variables.state), shapes, strict=True):
        if len(given) != len(tree):
            return False
        for node, own in tree.items():
            arrays = given[node]
            if len(arrays) != len(own):
                return False
            for name, shape in own.items():
                array = arrays[name]
                if array.shape != shape or array.dtype not in _FLOATS:
                    return False
    return True


def _misfit(variables: Any, shapes: VariableShapes) -> DataError:
    """Return the error that says what is wrong with variables."""
    fix = "model.init() makes fresh ones; those of a training are finished.variables and run.variables"
    if not (hasattr(variables, "params") and hasattr(variables, "state")):
        pair = "netspec.Variables(params, state)"
        nearly = isinstance(variables, tuple | list | Mapping)
        said = f"variables come first, and must be netspec.Variables, not {described(variables)}"
        return DataError(said, f"give {pair}" if nearly else f"the inputs come second; {fix}")
    for kind, given, tree in zip(("params", "state"), (variables.params, variables.state), shapes, strict=True):
        if not isinstance(given, Mapping):
            return DataError(f"variables.{kind} is a dictionary by node, not {described(given)}", fix)
        for node, arrays in tree.items():
            there = given.get(node)
            if not isinstance(there, Mapping):
                return _wrong_variables(f"{kind} has no {node}", given, node, fix)
            for name, shape in arrays.items():
                array: Any = there.get(name)
                if getattr(array, "shape", None) is None:
                    what = f"is {described(array)}, not an array" if name in there else "is missing"
                    return _wrong_variables(f"{node}/{name} {what}", there, name, fix)
                if array.shape == shape and array.dtype not in _FLOATS:
                    way = "jax.tree.map(lambda a: a.astype('float32'), variables)"
                    return DataError(f"variables are float32, but {node}/{name} is {array.dtype}", way)
                if array.shape != shape:
                    return DataError(
                        f"variables are not of this model: {node}/{name} is {array.shape}, and here it is {shape}", fix
                    )
        more = [node for node in given if node not in tree]
        more += [f"{node}/{name}" for node, own in tree.items() for name in given[node] if name not in own]
        if more:
            return DataError(f"variables are not of this model, which has no {more[0]} in its {kind}", fix)
    return DataError("variables are not of this model", fix)


def _wrong_variables(wrong: str, names: Mapping[Any, Any], name: str, way: str) -> DataError:
    near = nearest(name, [key for key in names if isinstance(key, str) and key != name])
    fix = f"there is {near}; {way}" if near else way
    return DataError(f"variables are not of this model: {wrong}", fix)


def require_key(rng: Any) -> None:
    """Raise DataError where randomness is given that is no key of JAX."""
    if rng is None:
        return
    shape, kind = getattr(rng, "shape", None), getattr(rng, "dtype", None)
    if shape is not None and kind is not None:
        typed = jnp.issubdtype(kind, jax.dtypes.prng_key)
        if (typed and shape == ()) or (kind == jnp.uint32 and shape in {(2,), (4,)}):
            return
        if typed or (kind == jnp.uint32 and len(shape) == 2):
            raise DataError(f"rng must be one key, not {shape[0]} of them", "give rng=keys[0], or jax.vmap over them")
    seed = rng if isinstance(rng, int) and not isinstance(rng, bool) else 0
    raise DataError(f"rng must be a key of JAX, not {described(rng)}", f"give rng=jax.random.key({seed})")


def as_train(train: Any) -> bool:
    """Return whether to compute as in training; raises NetspecError where it is neither True nor False."""
    if isinstance(train, jax.core.Tracer):
        raise NetspecError(
            "train must be True or False itself, not a value that JAX traces: what is computed depends on it",
            "fix it outside: jax.jit(lambda v, x: model.apply(v, x, True, rng)), or static_argnames='train'",
        )
    return as_switch(train, "train")


def as_batch(batch: Any) -> int:
    """Return how many examples a batch has; raises NetspecError where that is no positive whole number."""
    return as_whole(batch, "batch", 64)
