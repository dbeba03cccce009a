"""Schedules of a recipe as functions from the step to the learning rate; within a compiled step they cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp

from netspec.backends.jax.kernels.decay import powered
from netspec.graph.recipe_checks import MAX_STEPS
from netspec.ir.recipe import Recipe
from netspec.recipe import schedules as sch

__all__ = ["Rate", "learning_rate"]

Rate: TypeAlias = Callable[[Any], Any]
"""Step number (from 0) → learning rate."""


def learning_rate(recipe: Recipe, steps_per_epoch: int, epochs: int) -> Rate:
    """Return the learning rate as a function of the step."""
    schedule, peak = recipe.schedule, recipe.optimizer.lr
    total = steps_per_epoch * epochs
    warm = min(round(schedule.warmup * steps_per_epoch), total)
    main = SCHEDULES[type(schedule)](schedule, peak, max(total - warm, 1), steps_per_epoch)
    if not warm:
        return main
    return lambda step: jnp.where(step < warm, peak * step / warm, main(jnp.maximum(step - warm, 0)))


def _drops(s: sch.Step, peak: float, total: int, per_epoch: int) -> Rate:
    del total
    # In whole numbers, which floats of so many steps are not; and where no step reaches it, it is never.
    every = min(max(round(s.every * per_epoch), 1), MAX_STEPS)
    return lambda step: peak * powered(s.factor, jnp.asarray(step // every, jnp.float32))


def _multistep(s: sch.MultiStep, peak: float, total: int, per_epoch: int) -> Rate:
    del total
    drops = jnp.asarray([min(round(at * per_epoch), MAX_STEPS) for at in s.epochs])
    return lambda step: peak * powered(s.factor, jnp.sum(jnp.expand_dims(step, -1) >= drops, -1).astype(jnp.float32))


def _exponential(s: sch.Exponential, peak: float, total: int, per_epoch: int) -> Rate:
    del total
    return lambda step: peak * powered(s.factor, step / per_epoch)


def _linear(s: sch.Linear, peak: float, total: int, per_epoch: int) -> Rate:
    del per_epoch
    return lambda step: peak * (1 + (s.end - 1) * jnp.minimum(step / total, 1))


def _polynomial(s: sch.Polynomial, peak: float, total: int, per_epoch: int) -> Rate:
    del per_epoch
    return lambda step: peak * jnp.power(jnp.maximum(total - step, 0) / total, s.power)


def _inverse(s: sch.Inverse, peak: float, total: int, per_epoch: int) -> Rate:
    del total
    return lambda step: peak * jnp.power(1 + s.gamma / per_epoch * step, -s.power)


def _cosine(s: sch.Cosine, peak: float, total: int, per_epoch: int) -> Rate:
    del per_epoch
    return lambda step: _half_cosine(peak, s.end * peak, step / total)


def _one_cycle(s: sch.OneCycle, peak: float, total: int, per_epoch: int) -> Rate:
    # As PyTorch's OneCycleLR: the last step has the last rate, the peak is at `rise · total − 1`.
    del per_epoch
    top, last = s.rise * total - 1, max(total - 1, 1)

    def rate(step: Any) -> Any:
        up = _half_cosine(s.start * peak, peak, step / (top or 1.0))
        down = _half_cosine(peak, s.end * peak, (step - top) / (last - top))
        return jnp.where(step <= top, up, down)

    return rate


def _half_cosine(start: float, end: float, share: Any) -> Any:
    return end + (start - end) / 2 * (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))


SCHEDULES: dict[type[sch.Schedule], Callable[[Any, float, int, int], Rate]] = {
    sch.Constant: lambda s, peak, total, per: lambda step: peak,
    sch.Step: _drops,
    sch.MultiStep: _multistep,
    sch.Exponential: _exponential,
    sch.Linear: _linear,
    sch.Polynomial: _polynomial,
    sch.Inverse: _inverse,
    sch.Cosine: _cosine,
    sch.OneCycle: _one_cycle,
}
