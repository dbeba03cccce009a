"""Relatives of Adam that keep what optax's versions of them keep, under the same names: checkpoints of either fit.

They are written out because optax takes powers of a decay in float32: close to 1 it has too few digits for them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from netspec.backends.jax.kernels.decay import lacking, moved, root
from netspec.backends.jax.kernels.magnitude import magnitude
from netspec.recipe import optimizers as opt

__all__ = ["Direction", "Moments", "adamax", "lamb", "moments", "nadam", "radam", "zero_moments"]


class Moments(NamedTuple):
    """The state of the optimizer: steps taken, and the running means of the gradients and of their squares."""

    # The name is optax's, and is in the checkpoints.
    count: jax.Array  # type: ignore[assignment]
    mu: Any
    nu: Any


Direction: TypeAlias = Callable[[Any, Moments, Any, jax.Array], Any]
"""Gradients, the moments they are part of, params, number of the step (from 1, float) → descent direction."""


def zero_moments(params: Any) -> Moments:
    """Return the moments before the first step."""
    return Moments(jnp.zeros((), jnp.int32), *(jax.tree.map(jnp.zeros_like, params) for _ in range(2)))


def moments(o: Any, averages: Moments, grads: Any) -> Moments:
    """Return the moments after the next gradients."""

    def second(v: jax.Array, g: jax.Array) -> jax.Array:
        if isinstance(o, opt.Adamax):
            return jnp.maximum(jnp.abs(g) + o.epsilon, o.beta2 * v)
        return moved(v, jnp.square(g), o.beta2)

    mu = jax.tree.map(lambda m, g: moved(m, g, o.beta1), averages.mu, grads)
    return Moments(averages.count + 1, mu, jax.tree.map(second, averages.nu, grads))


def _adam(o: Any, mean: jax.Array, square: jax.Array, step: jax.Array) -> jax.Array:
    return mean / (root(square / lacking(o.beta2, step)) + o.epsilon)


def nadam(o: opt.Nadam) -> Direction:
    """Return the direction of Adam with Nesterov's look-ahead."""

    def direction(grads: Any, averages: Moments, params: Any, step: jax.Array) -> Any:
        del params

        def down(g: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            ahead = o.beta1 * (m / lacking(o.beta1, step + 1)) + (1 - o.beta1) * (g / lacking(o.beta1, step))
            return _adam(o, ahead, v, step)

        return jax.tree.map(down, grads, averages.mu, averages.nu)

    return direction


def radam(o: opt.Radam) -> Direction:
    """Return the direction of rectified Adam: along the mean of the gradients alone until their squares are known."""

    def direction(grads: Any, averages: Moments, params: Any, step: jax.Array) -> Any:
        del grads, params
        known, factor = _rectified(o.beta2, step)

        def down(m: jax.Array, v: jax.Array) -> jax.Array:
            mean = m / lacking(o.beta1, step)
            return jnp.where(known, factor * _adam(o, mean, v, step), mean)

        return jax.tree.map(down, averages.mu, averages.nu)

    return direction


def _rectified(beta: float, step: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return whether the length ρ of the average of squares is 5 or more, and the factor that rectifies its variance.

    ρ = ρ∞ − 2t·βᵗ / (1 − βᵗ), where ρ∞ = 2 / (1 − β) − 1, is a small difference of large numbers. With β = exp(−λ) and
    y = λt it is 2/λ · (1 − y / (exp(y) − 1)) and a small number that does not change, ρ∞ − 2/λ.
    """
    most = 2 / (1 - beta) - 1
    if most < 5:
        return jnp.asarray(False), jnp.ones(())
    rate = -log(beta)
    y = rate * step
    near = jnp.minimum(y, 0.5)
    # Bernoulli's series, where the difference from 1 would lose its digits.
    series = near / 2 - near**2 / 12 + near**4 / 720 - near**6 / 30240
    length = 2 / rate * jnp.where(y < 0.5, series, 1 - y / jnp.expm1(y)) + (most - 2 / rate)
    # ρ is below t, if by less than float32 can tell.
    known = (length >= 5) & (step > 5)
    of = jnp.where(known, length, 5.0)
    return known, jnp.sqrt((of - 4) / (most - 4) * ((of - 2) / (most - 2)) * (most / of))


def adamax(o: opt.Adamax) -> Direction:
    """Return the direction of Adam with the largest gradient in place of the root of the mean square."""

    def direction(grads: Any, averages: Moments, params: Any, step: jax.Array) -> Any:
        del grads, params
        return jax.tree.map(lambda m, v: m / lacking(o.beta1, step) / v, averages.mu, averages.nu)

    return direction


def lamb(o: opt.Lamb, kernels: frozenset[str] | None = None) -> Direction:
    """Return the direction of Adam, made as long as the parameter is; `kernels` alone decay, where they are given."""

    def direction(grads: Any, averages: Moments, params: Any, step: jax.Array) -> Any:
        del grads

        def down(m: jax.Array, v: jax.Array, w: jax.Array, decays: bool) -> jax.Array:
            d = _adam(o, m / lacking(o.beta1, step), v, step)
            d = d + o.weight_decay * w if decays else d
            own, other = magnitude([d]), magnitude([w])
            trusted = (own.length > 0) & (other.length > 0)
            return jnp.where(trusted, d * own.scale * (other.length / own.length) / other.scale, d)

        on = jax.tree.map(lambda _: True, params)
        if kernels is not None:
            on = {node: {name: f"{node}/{name}" in kernels for name in own} for node, own in params.items()}
        return jax.tree.map(down, averages.mu, averages.nu, params, on)

    return direction
