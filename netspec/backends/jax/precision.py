"""Mixed precision: inputs and weights are cast to the narrower type, results back to float32.

Within `jax.enable_x64(True)`, variables of float64 make a model compute in float64: for comparisons, not for speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from netspec.diagnostics.diagnostic import NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.system.arguments import described

__all__ = ["TYPES", "narrowed", "own_type", "resolve", "widened"]

TYPES: Mapping[str, Any] = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
"""What can be computed in, by the words of the recipe's `precision`."""

_OTHERS = {"float64", "double", "fp64", "float16", "half", "fp16", "float8", "fp8", "int8"}

_T = TypeVar("_T")


def resolve(word: str) -> str:
    """Return the name of a type, also from its short form.

    Raises:
        NetspecError: when nothing computes in it.
    """
    known = {**{name: name for name in TYPES}, "bf16": "bfloat16"}
    if not isinstance(word, str) or word not in known:
        said = f"`{word}`" if isinstance(word, str) else described(word)
        # What is another type, and no slip of the pen, is not taken for one of these.
        near = nearest(word, known) if isinstance(word, str) and word not in _OTHERS else None
        raise NetspecError(
            f"nothing computes in {said}", f"did you mean `{near}`?" if near else f"write {listing(list(TYPES))}"
        )
    return known[word]


def own_type(variables: Any) -> Any:
    """Return the type of what is computed from some variables: float32, or float64 where they are and JAX keeps it."""
    kept = jax.dtypes.canonicalize_dtype(jnp.float64) == jnp.float64
    wide = kept and any(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(variables))
    return jnp.float64 if wide else jnp.float32


def narrowed(tree: _T, precision: str) -> _T:
    """Return arrays of float32 as the type to compute in; whole numbers and keys stay what they are.

    A gradient through the cast comes back in float32.
    """
    wanted = TYPES[precision]
    return jax.tree.map(lambda a: a.astype(wanted) if a.dtype == jnp.float32 else a, tree)


def widened(tree: _T) -> _T:
    """Return arrays of narrow floats as float32."""
    return jax.tree.map(lambda a: a.astype(jnp.float32) if a.dtype == jnp.bfloat16 else a, tree)
