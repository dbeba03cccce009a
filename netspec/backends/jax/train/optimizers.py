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
from netspec.ir.network import Recipe
from netspec.recipe import optimizers as opt
from netspec.recipe.settings import Clip

__all__ = ["Transformation", "transformation"]


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


def transformation(recipe: Recipe, steps_per_epoch: int, epochs: int) -> Transformation:
    """Return the rule of a recipe: clipping, then the optimizer at its scheduled rate."""
    rate = learning_rate(recipe, steps_per_epoch, epochs)
    rule = OPTIMIZERS[type(recipe.optimizer)](recipe.optimizer, rate)
    clip = recipe.clip
    if clip is None:
        return rule

    def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
        return rule.update(_clipped(grads, clip), state, params, at)

    return Transformation(rule.init, update)


def _clipped(grads: Any, clip: Clip) -> Any:
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


def _coupled(weight_decay: float, direction: _Direction) -> _Direction:
    """Add λ·w to the gradient before the optimizer sees it, as PyTorch's `weight_decay` does."""
    if not weight_decay:
        return direction

    def decayed(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        return direction(jax.tree.map(lambda g, w: g + weight_decay * w, grads, params), buffers, params, step)

    return decayed


def _sgd(o: opt.Sgd, rate: Rate) -> Transformation:
    def direction(grads: Any, buffers: tuple[Any, ...], params: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        del params, step
        if not o.momentum:
            return grads, ()
        (velocity,) = _averaged(buffers, lambda g, v: (o.momentum * v + g,), grads)
        if not o.nesterov:
            return velocity, (velocity,)
        return jax.tree.map(lambda g, v: g + o.momentum * v, grads, velocity), (velocity,)

    return _rule(1 if o.momentum else 0, _coupled(o.weight_decay, direction), rate)


def _adam(o: Any, coupled: float = 0.0, decoupled: float = 0.0) -> _Direction:
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
            down = jax.tree.map(lambda d, w: d + decoupled * w, down, params)
        return down, (mean, square)

    return _coupled(coupled, direction)


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


def _from_optax(name: str, **own: str) -> Callable[[Any, Rate], Transformation]:
    """Return the maker of one of optax's optimizers; `own` are its arguments, by our names for them."""

    def make(o: Any, rate: Rate) -> Transformation:
        import optax  # noqa: PLC0415

        # All of them end with a factor of minus the rate: it is 1 there, and the schedule's here.
        made = getattr(optax, name)(1.0, **{theirs: getattr(o, ours) for theirs, ours in own.items()})

        def update(grads: Any, state: Any, params: Any, at: Any) -> tuple[Any, Any]:
            updates, state = made.update(grads, state, params)
            scale = rate(at)
            return jax.tree.map(lambda u: scale * u, updates), state

        return Transformation(made.init, update)

    return make


OPTIMIZERS: dict[type[opt.Optimizer], Callable[[Any, Rate], Transformation]] = {
    opt.Sgd: _sgd,
    opt.Adam: lambda o, rate: _rule(2, _adam(o, coupled=o.weight_decay), rate),
    opt.AdamW: lambda o, rate: _rule(2, _adam(o, decoupled=o.weight_decay), rate),
    opt.Nadam: lambda o, rate: _by_moments(o, nadam(o), rate),
    opt.Radam: lambda o, rate: _by_moments(o, radam(o), rate),
    opt.Adamax: lambda o, rate: _by_moments(o, adamax(o), rate),
    opt.RmsProp: _rmsprop,
    opt.Adagrad: _adagrad,
    opt.Adadelta: _from_optax("adadelta", rho="rho", eps="epsilon"),
    opt.Lamb: lambda o, rate: _by_moments(o, lamb(o), rate),
    opt.Lion: _from_optax("lion", b1="beta1", b2="beta2", weight_decay="weight_decay"),
}
