"""Optimizers of a recipe as pairs of functions, the contract of optax.

The common ones are written out here, each a few lines: optax need not be imported for them (a third of a second), and
Adam divides by the corrections of its averages once a step, not once a value. Its relatives are in `moments.py`; those
that have no such corrections are optax's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from netspec.backends.jax.kernels.decay import lacking, moved, root
from netspec.backends.jax.kernels.magnitude import magnitude
from netspec.backends.jax.train.moments import Direction, adamax, lamb, moments, nadam, radam, zero_moments
from netspec.backends.jax.train.schedules import Rate, learning_rate
from netspec.ir.recipe import Recipe
from netspec.recipe import optimizers as opt
from netspec.recipe.settings import Clip

__all__ = ["Transformation", "clipped", "rule_of", "transformation"]


class Transformation(NamedTuple):
    """Two pure functions, as optax has them; but what the schedule goes by is the training's to say.

    Attributes:
        init: params → state.
        update: gradients, state, params, number of the update in the schedule (from 0) → what is added to the params,
            the next state.
    """

    init: Callable[[Any], Any]
    update: Callable[..., tuple[Any, Any]]


_Direction: TypeAlias = Callable[[Any, tuple[Any, ...], Any, Any], tuple[Any, tuple[Any, ...]]]
"""Gradients, running averages, params, number of the step (from 1, float) → descent direction, next averages."""


_Kernels: TypeAlias = "frozenset[str] | None"
"""The paths of what decays; None where all does."""


def transformation(recipe: Recipe, steps_per_epoch: int, epochs: int, kernels: _Kernels = None) -> Transformation:
    """Return the rule of a recipe: clipping, then the optimizer at its scheduled rate; arguments as for `rule_of`."""
    rule = rule_of(recipe, steps_per_epoch, epochs, kernels)
    clip = recipe.clip
    if clip is None:
        return rule

    def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
        return rule.update(clipped(grads, clip), state, params, at)

    return Transformation(rule.init, update)


def rule_of(recipe: Recipe, steps_per_epoch: int, epochs: int, kernels: _Kernels = None) -> Transformation:
    """Return the optimizer of a recipe at its scheduled rate.

    Args:
        recipe: says which.
        steps_per_epoch: updates in an epoch.
        epochs: epochs in all.
        kernels: the paths of the only parameters that decay; all do unless given.
    """
    rate = learning_rate(recipe, steps_per_epoch, epochs)
    make = OPTIMIZERS[type(recipe.optimizer)]
    return make(recipe.optimizer, rate) if kernels is None else make(recipe.optimizer, rate, kernels)


def _which_decay(params: Any, kernels: _Kernels) -> Any:
    """Return a tree like the parameters that says of each whether it decays."""
    return {
        node: {name: kernels is None or f"{node}/{name}" in kernels for name in own} for node, own in params.items()
    }


def _decayed(values: Any, params: Any, by: float, kernels: _Kernels) -> Any:
    """Return values with λ·w added to those of the parameters that decay."""
    if kernels is None:
        return jax.tree.map(lambda v, w: v + by * w, values, params)
    on = _which_decay(params, kernels)
    return jax.tree.map(lambda v, w, decays: v + by * w if decays else v, values, params, on)


def clipped(grads: Any, clip: Clip) -> Any:
    """Return gradients clipped as a recipe says."""
    most, value = clip.norm, clip.value
    if value is not None:
        grads = jax.tree.map(lambda g: jnp.clip(g, -value, value), grads)
    if most is not None:
        norm = magnitude(jax.tree.leaves(grads))
        grads = jax.tree.map(lambda g: jnp.where(norm.whole < most, g, g * norm.scale / norm.length * most), grads)
    return grads


def _rule(averages: int, direction: _Direction, rate: Rate) -> Transformation:
    """Return the rule that goes down a direction at a rate, and keeps so many running averages of the params' size."""

    def init(params: Any) -> Any:
        buffers = tuple(jax.tree.map(jnp.zeros_like, params) for _ in range(averages))
        return jnp.zeros((), jnp.int32), buffers

    def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
        count, buffers = state
        down, buffers = direction(grads, buffers, params, (count + 1).astype(jnp.float32))
        scale = -rate(at)
        return jax.tree.map(lambda d: scale * d, down), (count + 1, buffers)

    return Transformation(init, update)


def _coupled(weight_decay: float, direction: _Direction, kernels: _Kernels = None) -> _Direction:
    """Add λ·w to the gradient before the optimizer sees it, as PyTorch's `weight_decay` does."""
    if not weight_decay:
        return direction

    def decayed(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        return direction(_decayed(grads, params, weight_decay, kernels), buffers, params, step)

    return decayed


def _sgd(o: opt.Sgd, rate: Rate, kernels: _Kernels = None) -> Transformation:
    def direction(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        del params, step
        if not o.momentum:
            return grads, ()
        (velocity,) = _averaged(buffers, lambda g, v: (o.momentum * v + g,), grads)
        if not o.nesterov:
            return velocity, (velocity,)
        return jax.tree.map(lambda g, v: g + o.momentum * v, grads, velocity), (velocity,)

    return _rule(1 if o.momentum else 0, _coupled(o.weight_decay, direction, kernels), rate)


def _adam(o: Any, coupled: float = 0.0, decoupled: float = 0.0, kernels: _Kernels = None) -> _Direction:
    def direction(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        mean, square = _averaged(
            buffers,
            lambda g, m, v: (moved(m, g, o.beta1), moved(v, jnp.square(g), o.beta2)),
            grads,
        )
        # The averages begin at 0: what they lack by that is made up by two factors, the same for all values.
        of_mean, of_root = 1 / lacking(o.beta1, step), jax.lax.rsqrt(lacking(o.beta2, step))
        down = jax.tree.map(lambda m, v: of_mean * m / (of_root * root(v) + o.epsilon), mean, square)
        if decoupled:
            down = _decayed(down, params, decoupled, kernels)
        return down, (mean, square)

    return _coupled(coupled, direction, kernels)


def _rmsprop(o: opt.RmsProp, rate: Rate) -> Transformation:
    # As PyTorch: epsilon outside the root, and the velocity before the learning rate.
    def direction(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        del params, step
        (square,) = _averaged(buffers[:1], lambda g, v: (moved(v, jnp.square(g), o.decay),), grads)
        down = jax.tree.map(lambda g, v: g / (root(v) + o.epsilon), grads, square)
        if not o.momentum:
            return down, (square,)
        velocity = jax.tree.map(lambda d, v: o.momentum * v + d, down, buffers[1])
        return velocity, (square, velocity)

    return _rule(2 if o.momentum else 1, direction, rate)


def _adagrad(o: opt.Adagrad, rate: Rate) -> Transformation:
    # As in the paper and in PyTorch, epsilon is added to the root; optax adds it under the root.
    def direction(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        del params, step
        (sums,) = _averaged(buffers, lambda g, s: (s + jnp.square(g),), grads)
        return jax.tree.map(lambda g, s: g / (root(s) + o.epsilon), grads, sums), (sums,)

    return _rule(1, direction, rate)


def _averaged(buffers: tuple[Any, ...], moved: Callable[..., tuple[Any, ...]], grads: Any) -> tuple[Any, ...]:
    """Return the next running averages; `moved` has those of one array, from its gradient and its own ones."""
    return tuple(jax.tree.map(lambda g, *own, i=i: moved(g, *own)[i], grads, *buffers) for i in range(len(buffers)))


def _by_moments(o: Any, direction: Direction, rate: Rate) -> Transformation:
    """Return the rule of a relative of Adam."""

    def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
        buffers = moments(o, state[0], grads)
        down = direction(grads, buffers, params, buffers.count.astype(jnp.float32))
        scale = -rate(at)
        return jax.tree.map(lambda d: scale * d, down), (buffers,)

    return Transformation(lambda params: (zero_moments(params),), update)


def _from_optax(name: str, **own: str) -> Callable[..., Transformation]:
    """Return the maker of one of optax's optimizers; `own` are its arguments, by our names for them."""

    def make(o: Any, rate: Rate, kernels: _Kernels = None) -> Transformation:
        import optax  # noqa: PLC0415

        # All of them end with a factor of minus the rate: it is 1 there, and the schedule's here.
        arguments = {theirs: getattr(o, ours) for theirs, ours in own.items()}
        if kernels is not None:
            arguments["mask"] = lambda params: _which_decay(params, kernels)
        made = getattr(optax, name)(1.0, **arguments)

        def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
            updates, state = made.update(grads, state, params)
            scale = rate(at)
            return jax.tree.map(lambda u: scale * u, updates), state

        return Transformation(made.init, update)

    return make


OPTIMIZERS: dict[type[opt.Optimizer], Callable[..., Transformation]] = {
    opt.Sgd: _sgd,
    opt.Adam: lambda o, rate, kernels=None: _rule(2, _adam(o, coupled=o.weight_decay, kernels=kernels), rate),
    opt.AdamW: lambda o, rate, kernels=None: _rule(2, _adam(o, decoupled=o.weight_decay, kernels=kernels), rate),
    opt.Nadam: lambda o, rate: _by_moments(o, nadam(o), rate),
    opt.Radam: lambda o, rate: _by_moments(o, radam(o), rate),
    opt.Adamax: lambda o, rate: _by_moments(o, adamax(o), rate),
    opt.RmsProp: _rmsprop,
    opt.Adagrad: _adagrad,
    opt.Adadelta: _from_optax("adadelta", rho="rho", eps="epsilon"),
    opt.Lamb: lambda o, rate, kernels=None: _by_moments(o, lamb(o, kernels), rate),
    opt.Lion: _from_optax("lion", b1="beta1", b2="beta2", weight_decay="weight_decay"),
}
