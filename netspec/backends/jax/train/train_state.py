"""All that a training step changes, and its way to named arrays on the host and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.emit import Tree
from netspec.diagnostics.diagnostic import ModelFileError

__all__ = ["TrainState", "pack", "unpack"]


class TrainState(NamedTuple):
    """All that a step changes.

    Attributes:
        params: what gradients move.
        state: running averages.
        optimizer: what the optimizer keeps.
        step: steps taken since the training began, those left out among them.
        average: the moving average of params and state, where the recipe has one; else empty.
        gathered: the sum of the gradients since the last update, each times its examples, and how many these were,
            where the recipe accumulates; else empty.
    """

    params: Tree
    state: Tree
    optimizer: Any
    step: jax.Array
    average: tuple[Tree, Tree] | tuple[()] = ()
    gathered: tuple[Tree, jax.Array] | tuple[()] = ()


def pack(tree: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a tree by their paths, such as `params/conv_1/kernel`, on the host.

    The memory of the tree must not be donated afterwards: on a CPU the arrays may be views of it.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def unpack(arrays: Mapping[str, NDArray[Any]], like: Any) -> Any:
    """Return a tree of the structure of `like` with the arrays of `pack`.

    Raises:
        ModelFileError: when there are not exactly the arrays of `like`, in their shapes and types.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    wanted = {_name(path): leaf for path, leaf in leaves}
    for name in sorted(wanted.keys() | arrays.keys()):
        if name not in arrays:
            raise ModelFileError(f"the checkpoint has no {name}", _OTHER)
        if name not in wanted:
            raise ModelFileError(f"the checkpoint has a {name}, which the training has not", _OTHER)
        found, leaf = arrays[name], wanted[name]
        if found.shape != leaf.shape or found.dtype != leaf.dtype:
            raise ModelFileError(
                f"the checkpoint's {name} is {found.dtype} {found.shape}, the training's {leaf.dtype} {leaf.shape}",
                _OTHER,
            )
    return jax.tree_util.tree_unflatten(structure, [arrays[_name(path)] for path, _ in leaves])


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


_OTHER = "it belongs to another network, optimizer or batch: resume with those it was made with, or train anew"
