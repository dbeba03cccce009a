"""The variables of a model: its parameters and its state, as a pytree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from netspec.backends.jax.emit import Tree

__all__ = ["Variables", "with_arrays"]


def _leaf_texts(tree: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of a tree's leaves, each with its shape; what `jax.tree.map` made of an array as it is."""
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from _leaf_texts(inner, (*path, str(name)))
        return
    shape = getattr(tree, "shape", None)
    yield " ".join([*filter(None, ["/".join(path)]), str(shape) if isinstance(shape, tuple) else repr(tree)])


class Variables(NamedTuple):
    """Everything a model has learned: a pytree of float32 arrays by node and name.

    Attributes:
        params: what gradients move, such as `params["conv_1"]["kernel"]`, (filters, channels, kh, kw).
        state: running averages, such as `state["batchnorm_1"]["mean"]`.
    """

    params: Tree
    state: Tree

    def __repr__(self) -> str:
        return f"Variables({', '.join(text for tree in self for text in _leaf_texts(tree))})"

    def replace(self, *, params: Tree | None = None, state: Tree | None = None) -> Variables:
        """Return a copy with one or both trees replaced."""
        return Variables(self.params if params is None else params, self.state if state is None else state)


def with_arrays(variables: Variables, arrays: Mapping[str, Any]) -> Variables:
    """Return variables with other values of some arrays, which are named by their paths, on the same device."""
    if not arrays:
        return variables

    def replaced(tree: Tree) -> Tree:
        return {
            node: {name: _beside(arrays.get(f"{node}/{name}"), own) for name, own in inner.items()}
            for node, inner in tree.items()
        }

    return Variables(replaced(variables.params), replaced(variables.state))


def _beside(value: Any, own: jax.Array) -> jax.Array:
    return own if value is None else jax.device_put(value, own.sharding)
