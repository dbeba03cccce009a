"""Parameters in groups: those that are frozen, those that are trained from an epoch on, each with its own optimizer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import jax

from netspec.backends.jax.emit import Tree
from netspec.backends.jax.train.optimizers import clipped, rule_of
from netspec.graph.graph import Graph
from netspec.graph.parts import Parts
from netspec.ir.recipe import Recipe

__all__ = ["GroupedOptimizer", "merged", "selected", "split"]


def split(tree: Tree, frozen: Collection[str]) -> tuple[Tree, Tree]:
    """Return the arrays of a tree that are trained, and those that are frozen."""
    if not frozen:
        return tree, {}
    paths = {f"{node}/{name}" for node, own in tree.items() for name in own}
    return selected(tree, paths - set(frozen)), selected(tree, paths & set(frozen))


def selected(tree: Tree, paths: Collection[str]) -> Tree:
    """Return the arrays of a tree that have one of these paths."""
    found = {node: {k: a for k, a in own.items() if f"{node}/{k}" in paths} for node, own in tree.items()}
    return {node: own for node, own in found.items() if own}


def merged(first: Tree, second: Tree) -> Tree:
    """Return the arrays of two trees in one; those of the second one where both have them."""
    if not second:
        return first
    return {node: {**first.get(node, {}), **second.get(node, {})} for node in first.keys() | second.keys()}


class GroupedOptimizer:
    """The optimizer of a recipe for the parameters that are trained.

    Those that are frozen for some epochs are a group, with averages and a count of updates of its own, which begin when
    it does: as if an optimizer had been given them then. Clipping is by all gradients together.

    Args:
        recipe: says which optimizer.
        updates: of the weights, in an epoch.
        epochs: epochs in all.
        graph: of the network.
        parts: what of it is trained.
    """

    def __init__(self, recipe: Recipe, updates: int, epochs: int, graph: Graph, parts: Parts) -> None:
        trained = [p for p in graph.parameters.values() if p.trainable and p.path not in parts.forever]
        kernels = frozenset(p.path for p in trained if p.role == "kernel")
        decays = getattr(recipe.optimizer, "decays", "all")
        self._rule = rule_of(recipe, updates, epochs, kernels if decays == "kernels" else None)
        self._clip, self._factors = recipe.clip, parts.factors
        begins = (0, *parts.ends())
        starts = {p.path: begins.index(parts.frozen.get(p.path) or 0) for p in trained}
        self._groups = [frozenset(path for path, at in starts.items() if at == n) for n in range(len(begins))]
        """The parameters that begin to be trained in each part of the training."""
        self._forever = parts.forever

    def init(self, params: Tree) -> Any:
        """Return the state before the first step: of several groups one each."""
        if len(self._groups) == 1:
            return self._rule.init(split(params, self._forever)[0])
        return tuple(self._rule.init(selected(params, group)) for group in self._groups)

    def update(self, grads: Tree, state: Any, params: Tree, at: Any, phase: int) -> tuple[Tree, Any]:
        """Return what is added to the parameters that are trained in a part of the training, and the next state.

        Args:
            grads: of these parameters.
            state: before.
            params: all parameters.
            at: number of the update in the schedule, from 0.
            phase: which part of the training it is.
        """
        grads = clipped(grads, self._clip) if self._clip else grads
        if len(self._groups) == 1:
            updates, state = self._rule.update(grads, state, split(params, self._forever)[0], at)
            return self._scaled(updates), state
        updates, states = {}, list(state)
        for n, group in enumerate(self._groups[: phase + 1]):
            own, states[n] = self._rule.update(selected(grads, group), state[n], selected(params, group), at)
            updates = merged(updates, own)
        return self._scaled(updates), tuple(states)

    def _scaled(self, updates: Tree) -> Tree:
        """Return updates times the factors of the learning rate."""
        if not self._factors:
            return updates
        return {node: {k: self._times(f"{node}/{k}", u) for k, u in own.items()} for node, own in updates.items()}

    def _times(self, path: str, update: jax.Array) -> jax.Array:
        factor = self._factors.get(path, 1.0)
        return update if factor == 1 else factor * update
