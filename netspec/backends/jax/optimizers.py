"""Optimizers and schedules of a recipe as optax transformations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from netspec.ir import Recipe
from netspec.recipe import optimizers as opt
from netspec.recipe import schedules as sch

__all__ = ["learning_rate", "transformation"]

Rate: TypeAlias = Callable[[Any], Any]
"""Step number (from 0) → learning rate or factor."""


def transformation(recipe: Recipe, steps_per_epoch: int, epochs: int) -> optax.GradientTransformation:
    """Return the optax chain of a recipe: clipping, then the optimizer at its scheduled rate."""
    rate = learning_rate(recipe, steps_per_epoch, epochs)
    chain = [_OPTIMIZERS[type(recipe.optimizer)](recipe.optimizer, rate)]
    if recipe.clip and recipe.clip.norm is not None:
        chain.insert(0, optax.clip_by_global_norm(recipe.clip.norm))
    if recipe.clip and recipe.clip.value is not None:
        chain.insert(0, optax.clip(recipe.clip.value))
    return optax.chain(*chain)


def learning_rate(recipe: Recipe, steps_per_epoch: int, epochs: int) -> Rate:
    """Return the learning rate as a function of the step."""
    schedule, peak = recipe.schedule, recipe.optimizer.lr
    total = steps_per_epoch * epochs
    warm = min(round(schedule.warmup * steps_per_epoch), total)
    main = _SCHEDULES[type(schedule)](schedule, peak, max(total - warm, 1), steps_per_epoch)
    if not warm:
        return main
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warm), main], [warm])


def _one_cycle(s: sch.OneCycle, peak: float, total: int, per_epoch: int) -> Rate:
    # As PyTorch's OneCycleLR: the last step has the last rate, the peak is at `rise · total − 1`.
    del per_epoch
    top, last = s.rise * total - 1, max(total - 1, 1)

    def half_cosine(start: float, end: float, share: Any) -> Any:
        return end + (start - end) / 2 * (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))

    def rate(step: Any) -> Any:
        up = half_cosine(s.start * peak, peak, step / (top or 1.0))
        down = half_cosine(peak, s.end * peak, (step - top) / (last - top))
        return jnp.where(step <= top, up, down)

    return rate


_SCHEDULES: dict[type[sch.Schedule], Callable[[Any, float, int, int], Rate]] = {
    sch.Constant: lambda s, peak, total, per: optax.constant_schedule(peak),
    sch.Step: lambda s, peak, total, per: optax.exponential_decay(
        peak, max(round(s.every * per), 1), s.factor, staircase=True
    ),
    sch.Exponential: lambda s, peak, total, per: optax.exponential_decay(peak, per, s.factor),
    sch.Linear: lambda s, peak, total, per: optax.linear_schedule(peak, s.end * peak, total),
    sch.Cosine: lambda s, peak, total, per: optax.cosine_decay_schedule(peak, total, alpha=s.end),
    sch.OneCycle: _one_cycle,
}


def _coupled(weight_decay: float, then: optax.GradientTransformation) -> optax.GradientTransformation:
    """Add λ·w to the gradient before the optimizer sees it, as PyTorch's `weight_decay` does."""
    return optax.chain(optax.add_decayed_weights(weight_decay), then) if weight_decay else then


def _betas(o: Any) -> dict[str, float]:
    return {"b1": o.beta1, "b2": o.beta2}


def _rmsprop(o: opt.RmsProp, rate: Rate) -> optax.GradientTransformation:
    # PyTorch adds epsilon outside the root and keeps the velocity before the learning rate.
    momentum = o.momentum or None
    scale = optax.scale_by_rms(decay=o.decay, eps=o.epsilon, eps_in_sqrt=False)
    parts = [scale, optax.trace(decay=momentum)] if momentum else [scale]
    return optax.chain(*parts, optax.scale_by_learning_rate(rate))


def _adagrad(o: opt.Adagrad, rate: Rate) -> optax.GradientTransformation:
    # As in the paper and in PyTorch, epsilon is added to the root; optax adds it under the root.
    def update(grads: Any, sums: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        sums = jax.tree.map(lambda s, g: s + g * g, sums, grads)
        return jax.tree.map(lambda g, s: g / (jnp.sqrt(s) + o.epsilon), grads, sums), sums

    scale = optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)
    return optax.chain(scale, optax.scale_by_learning_rate(rate))


_OPTIMIZERS: dict[type[opt.Optimizer], Callable[[Any, Rate], optax.GradientTransformation]] = {
    opt.Sgd: lambda o, rate: _coupled(
        o.weight_decay, optax.sgd(rate, momentum=o.momentum or None, nesterov=o.nesterov)
    ),
    opt.Adam: lambda o, rate: _coupled(o.weight_decay, optax.adam(rate, eps=o.epsilon, **_betas(o))),
    opt.AdamW: lambda o, rate: optax.adamw(rate, eps=o.epsilon, weight_decay=o.weight_decay, **_betas(o)),
    opt.Nadam: lambda o, rate: optax.nadam(rate, eps=o.epsilon, **_betas(o)),
    opt.Radam: lambda o, rate: optax.radam(rate, eps=o.epsilon, **_betas(o)),
    opt.Adamax: lambda o, rate: optax.adamax(rate, eps=o.epsilon, **_betas(o)),
    opt.RmsProp: _rmsprop,
    opt.Adagrad: _adagrad,
    opt.Adadelta: lambda o, rate: optax.adadelta(rate, rho=o.rho, eps=o.epsilon),
    opt.Lamb: lambda o, rate: optax.lamb(rate, eps=o.epsilon, weight_decay=o.weight_decay, **_betas(o)),
    opt.Lion: lambda o, rate: optax.lion(rate, weight_decay=o.weight_decay, **_betas(o)),
}
